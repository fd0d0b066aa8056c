using System.Diagnostics;
using LoadTests.Engine;

namespace LoadTests.Benches.Overload;

/// <summary>
/// What became of the operations of one load, whose first part is not counted. The load begins with its first answer, and not when this is
/// made: before that it may open thousands of connections.
/// </summary>
internal sealed class OverloadOutcomes(TimeSpan uncounted)
{
    private long _from; // 0: there was no answer yet

    /// <summary>Of right answers, from the planned start.</summary>
    public LatencyHistogram Accepted { get; } = new();

    /// <summary>Of refusals, from when the request was sent.</summary>
    public LatencyHistogram Refused { get; } = new();

    /// <param name="plannedAt">A timestamp of the stopwatch.</param>
    public void Accept(long plannedAt, long answeredAt) => Record(Accepted, plannedAt, answeredAt);

    public void Refuse(long sentAt, long answeredAt) => Record(Refused, sentAt, answeredAt);

    private void Record(LatencyHistogram into, long beganAt, long answeredAt)
    {
        var from = Volatile.Read(ref _from);
        if (from == 0)
        {
            var own = beganAt + (long)(uncounted.TotalSeconds * Stopwatch.Frequency);
            from = Interlocked.CompareExchange(ref _from, own, 0) is not 0 and var others ? others : own;
        }
        if (beganAt >= from)
            into.Record((long)Stopwatch.GetElapsedTime(beganAt, answeredAt).TotalNanoseconds);
    }
}
