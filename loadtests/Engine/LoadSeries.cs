using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>
/// The figures of each second of a run: a histogram and two counters per second. All are made before the run: recording takes no lock and
/// allocates nothing. Times are ticks of the stopwatch since the measurement began.
/// </summary>
internal sealed class LoadSeries
{
    /// <summary>A timer may end a measurement a little early; then the last second still counts as whole.</summary>
    private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(50);

    private readonly Row[] _rows;

    /// <param name="duration">The planned duration. One more second is kept, because a measurement never ends exactly on time.</param>
    public LoadSeries(TimeSpan duration) =>
        _rows = [.. Enumerable.Range(0, (int)Math.Ceiling(duration.TotalSeconds) + 1).Select(_ => new Row())];

    public void Answered(long at) => Interlocked.Increment(ref RowOf(at).Answered);

    public void Failed(long beganAt) => Interlocked.Increment(ref RowOf(beganAt).Failed);

    public void Took(long beganAt, long nanoseconds) => RowOf(beganAt).Latency.Record(nanoseconds);

    /// <summary>The whole seconds of the measured time; a part of a second would look like a drop.</summary>
    public IReadOnlyList<LoadSecond> Summarize(TimeSpan measured) =>
        [.. _rows.Take((int)(measured + Early).TotalSeconds).Select(row => row.Summarize())];

    /// <summary>The latency of all operations that were planned for some seconds together; null: there was none.</summary>
    /// <param name="from">The first of these seconds, from 0.</param>
    /// <param name="to">The first second behind them.</param>
    public Latency? Between(int from, int to)
    {
        var all = new LatencyHistogram();
        foreach (var row in _rows.Take(Math.Max(0, to)).Skip(Math.Max(0, from)))
            all.Add(row.Latency);
        return all.Count == 0 ? null : all.Summarize();
    }

    private Row RowOf(long at) => _rows[Math.Min(at / Stopwatch.Frequency, _rows.Length - 1)];

    private sealed class Row
    {
        public readonly LatencyHistogram Latency = new();
        public long Answered;
        public long Failed;

        public LoadSecond Summarize() => Latency.Count == 0
            ? new LoadSecond(Answered, Failed, null, null, null)
            : new LoadSecond(Answered, Failed, Latency.Percentile(0.5), Latency.Percentile(0.99), Latency.Max);
    }
}
