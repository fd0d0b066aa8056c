using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>
/// The clock of one run and what its sessions report. Throughput counts the operations answered within the measured
/// time; latency takes those that began within it, also when they are answered after it: leaving these out would hide
/// a stall at the end.
/// </summary>
/// <param name="series">Gets what each second was like; null: nobody wants to know.</param>
/// <param name="failures">Gets what fails; null: the first failure ends the run.</param>
internal sealed class LoadRecorder(LoadSeries? series = null, FailureCounts? failures = null)
{
    private static readonly double[] Quantiles = [0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999];

    private readonly LatencyHistogram _latency = new();
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _from = long.MaxValue;
    private long _to = long.MaxValue;
    private long _answered;
    private volatile bool _isStopping;

    /// <summary>No new operation begins any more.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Fails with the first failure of a session; never completes otherwise.</summary>
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

    /// <summary>To be called only if failures are counted. Those of the warm-up and of the time after are not.</summary>
    public void CountFailure(WrongAnswerException failure, long beganAt)
    {
        var from = Volatile.Read(ref _from);
        if (beganAt < from || beganAt >= Volatile.Read(ref _to))
            return;
        failures!.Add(failure);
        series?.Failed(beganAt - from);
    }

    /// <param name="beganAt">Timestamps of the stopwatch; in an open loop, when the operation was to begin.</param>
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
            Failures = failures?.ToList() ?? [],
            BeganAt = _from,
        };
    }
}
