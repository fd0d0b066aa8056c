using Chaos.Recording;

namespace Chaos.Workloads;

/// <summary>Counts one workload's requests.</summary>
internal sealed class WorkloadTally(string name)
{
    private long _ok;
    private long _refused;
    private long _failed;
    private long _unknown;
    private long _longestWriteTicks;
    private long _skipped;

    public string Name => name;

    public long Ok => Interlocked.Read(ref _ok);

    /// <summary>Answers that a condition did not hold, or that an item does not exist: these are right answers.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>
    /// Requests without an answer, or whose answer says that nothing was done, for a reason that the client did not cause.
    /// </summary>
    public long Failed => Interlocked.Read(ref _failed);

    public long Unknown => Interlocked.Read(ref _unknown);

    /// <summary>Operations that were not sent, because too many waited for an answer.</summary>
    public long Skipped => Interlocked.Read(ref _skipped);

    public long Total => Ok + Refused + Failed + Unknown;

    /// <summary>The longest time of an acknowledged write.</summary>
    public TimeSpan LongestWrite => TimeSpan.FromTicks(Interlocked.Read(ref _longestWriteTicks));

    public void Skip() => Interlocked.Increment(ref _skipped);

    public void Add(OperationKind kind, ApiAnswer answer, TimeSpan took)
    {
        if (answer.Status is 404 or 412)
            Interlocked.Increment(ref _refused);
        else
            Interlocked.Increment(ref answer.Outcome == OperationOutcome.Ok ? ref _ok : ref answer.Outcome == OperationOutcome.Fail ? ref _failed : ref _unknown);
        if (answer.Outcome != OperationOutcome.Ok || kind is OperationKind.Read or OperationKind.ReadLedger)
            return;
        for (long longest; (longest = Interlocked.Read(ref _longestWriteTicks)) < took.Ticks;)
            if (Interlocked.CompareExchange(ref _longestWriteTicks, took.Ticks, longest) == longest)
                return;
    }
}
