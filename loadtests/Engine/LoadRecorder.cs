using System.Diagnostics;
using Workbench;

namespace LoadTests.Engine;

/// <summary>
/// Measures the time of one run and collects the reports of its sessions. Throughput counts the operations that are answered within the
/// measured time. Latency counts the operations that begin within it, also if they are answered later: otherwise a stall at the end would
/// be hidden.
/// </summary>
/// <param name="series">Collects the figures of each second; null: they are not needed.</param>
/// <param name="failures">Collects the failures; null: the first failure ends the run.</param>
internal sealed class LoadRecorder(LoadSeries? series = null, FailureCounts? failures = null)
{
    private static readonly double[] Quantiles = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];

    private readonly LatencyHistogram _latency = new();
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _from = long.MaxValue;
    private long _to = long.MaxValue;
    private long _answered;
    private volatile bool _isStopping;

    /// <summary>Whether no more operations may begin.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Fails with the first failure of a session; otherwise it never completes.</summary>
    public Task Failure => _failure.Task;

    public void BeginMeasuring() => Volatile.Write(ref _from, Stopwatch.GetTimestamp());

    public void EndMeasuring()
    {
        Volatile.Write(ref _to, Stopwatch.GetTimestamp());
        _isStopping = true;
    }

    public void Stop() => _isStopping = true;

    public void Fail(Exception cause)
    {
        _failure.TrySetException(cause);
        _isStopping = true;
    }

    public bool CountsFailures => failures is not null;

    /// <summary>Call it only if failures are counted. Failures before and after the measured time do not count.</summary>
    public void CountFailure(WrongAnswerException failure, long beganAt)
    {
        var from = Volatile.Read(ref _from);
        if (beganAt < from || beganAt >= Volatile.Read(ref _to))
            return;
        failures!.Add(failure);
        series?.Failed(beganAt - from);
    }

    /// <param name="beganAt">A timestamp of the stopwatch; in an open loop: the planned start.</param>
    public void Answered(long beganAt, long answeredAt)
    {
        var from = Volatile.Read(ref _from);
        var to = Volatile.Read(ref _to);
        if (answeredAt >= from && answeredAt < to)
        {
            Interlocked.Increment(ref _answered);
            series?.Answered(answeredAt - from);
        }
        if (beganAt >= from && beganAt < to)
        {
            var nanoseconds = (long)Stopwatch.GetElapsedTime(beganAt, answeredAt).TotalNanoseconds;
            _latency.Record(nanoseconds);
            series?.Took(beganAt - from, nanoseconds);
        }
    }

    public LoadResult Summarize()
    {
        var measured = Stopwatch.GetElapsedTime(_from, _to);
        return new LoadResult(Volatile.Read(ref _answered) / measured.TotalSeconds, _latency.Summarize())
        {
            Percentiles = [.. Quantiles.Select(quantile => (quantile, _latency.Percentile(quantile)))],
            Seconds = series?.Summarize(measured) ?? [],
            Series = series,
            Failures = failures?.ToList() ?? [],
            BeganAt = _from,
        };
    }
}
