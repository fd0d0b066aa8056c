using System.Diagnostics;

namespace LoadTests.Engine;

/// <summary>
/// The clock of one run and what its sessions report. Throughput counts the operations answered within the measured
/// time; latency takes those that began within it, also when they are answered after it: leaving these out would hide
/// a stall at the end.
/// </summary>
internal sealed class LoadRecorder
{
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

    /// <param name="beganAt">Timestamps of the stopwatch; in an open loop, when the operation was to begin.</param>
    public void Answered(long beganAt, long answeredAt)
    {
        var from = Volatile.Read(ref _from);
        var to = Volatile.Read(ref _to);
        if (answeredAt >= from && answeredAt < to)
            Interlocked.Increment(ref _answered);
        if (beganAt >= from && beganAt < to)
            _latency.Record((long)Stopwatch.GetElapsedTime(beganAt, answeredAt).TotalNanoseconds);
    }

    public LoadResult Summarize() => new(Volatile.Read(ref _answered) / Stopwatch.GetElapsedTime(_from, _to).TotalSeconds, _latency.Summarize());
}
