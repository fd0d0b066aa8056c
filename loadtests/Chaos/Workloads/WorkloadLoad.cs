using System.Collections.Concurrent;
using System.Diagnostics;

namespace Chaos.Workloads;

/// <summary>
/// The load of one workload. Operations begin at a fixed rate, even if earlier ones are not answered yet, on a few partitions at a time. A
/// partition that has grown enough is not used any more, and another takes its place.
/// </summary>
/// <param name="make">Makes the n-th partition of this workload.</param>
internal sealed class WorkloadLoad(WorkloadTally tally, int seed, double ratePerSecond, int partitions, Func<int, IWorkloadPartition> make)
{
    /// <summary>
    /// The largest number of operations that wait for their answers: a part that stands still for seconds must not cause a flood of
    /// requests afterwards.
    /// </summary>
    private const int MaxInFlight = 64;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    private readonly IWorkloadPartition[] _active = [.. Enumerable.Range(0, partitions).Select(make)];
    private readonly ConcurrentBag<IWorkloadPartition> _retired = [];
    private int _made = partitions;
    private int _inFlight;

    public WorkloadTally Tally => tally;

    /// <summary>The keys that are written and read now.</summary>
    public IReadOnlyList<string> ActiveKeys => [.. _active.Select(partition => partition.Key)];

    /// <summary>The keys of all partitions, also of those that are not used any more.</summary>
    /// <remarks>The active ones come first: a partition is retired before another takes its place, so none is missed.</remarks>
    public IReadOnlyList<string> AllKeys => [.. _active.Concat(_retired).Select(partition => partition.Key)];

    /// <summary>Runs until it is cancelled and the last answer has arrived.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        for (long begun = 0; !stop.IsCancellationRequested; await Task.Delay(Tick, CancellationToken.None))
            for (; begun < clock.Elapsed.TotalSeconds * ratePerSecond; begun++)
                Begin(random);
        while (Volatile.Read(ref _inFlight) > 0)
            await Task.Delay(Tick, CancellationToken.None);
    }

    /// <summary>Reads the final state of all partitions.</summary>
    public async Task ReadLastAsync(CancellationToken cancellation)
    {
        await Parallel.ForEachAsync(_active.Concat(_retired), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellation }, async (partition, token) =>
        {
            await partition.ReadLastAsync(token);
            partition.Dispose();
        });
    }

    private void Begin(Random random)
    {
        var place = random.Next(_active.Length);
        if (_active[place].IsFull)
        {
            _retired.Add(_active[place]);
            _active[place].Dispose(); // closes its file; operations that still run open it again
            _active[place] = make(_made++);
        }
        var step = new Random(random.Next());
        if (Volatile.Read(ref _inFlight) >= MaxInFlight)
            tally.Skip();
        else
            _ = StepAsync(_active[place], step);
    }

    private async Task StepAsync(IWorkloadPartition partition, Random random)
    {
        Interlocked.Increment(ref _inFlight);
        try
        {
            await partition.StepAsync(random);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }
}
