using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>
/// What each second of a run was like: a histogram and two counters a second, all made beforehand, so that recording takes
/// no lock and allocates nothing. Times are ticks of the stopwatch since the measurement began.
/// </summary>
internal sealed class LoadSeries
{
    /// <summary>A timer may end a measurement a little early; that second counts as whole.</summary>
    private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(50);

    private readonly Row[] _rows;

    /// <param name="duration">Of the measurement. One row more is kept: it never ends quite on time.</param>
    public LoadSeries(TimeSpan duration) =>
        _rows = [.. Enumerable.Range(0, (int)Math.Ceiling(duration.TotalSeconds) + 1).Select(_ => new Row())];

    public void Answered(long at) => Interlocked.Increment(ref RowOf(at).Answered);

    public void Failed(long beganAt) => Interlocked.Increment(ref RowOf(beganAt).Failed);

    public void Took(long beganAt, long nanoseconds) => RowOf(beganAt).Latency.Record(nanoseconds);

    /// <summary>The whole seconds of the time measured; a rest would look like a slump.</summary>
    public IReadOnlyList<LoadSecond> Summarize(TimeSpan measured) =>
        [.. _rows.Take((int)(measured + Early).TotalSeconds).Select(row => row.Summarize())];

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
