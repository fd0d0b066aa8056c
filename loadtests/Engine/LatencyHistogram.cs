using HdrHistogram;

namespace LoadTests.Engine;

/// <summary>
/// Durations in an HdrHistogram, and their exact mean and maximum beside it. Recording takes no lock and allocates nothing.
/// </summary>
internal sealed class LatencyHistogram
{
    /// <summary>A percentile is larger than the exact one by at most this part of it: two significant digits are 128 buckets for each power of two.</summary>
    public const double MaxRelativeError = 1.0 / 128;

    private const int SignificantDigits = 2;
    private const long Largest = (1L << 40) - 1; // nanoseconds, 18 minutes; a longer duration counts as this

    private readonly LongConcurrentHistogram _histogram = new(lowestTrackableValue: 1, Largest, SignificantDigits);
    private long _sum;
    private long _max;

    public long Count => _histogram.TotalCount;

    public TimeSpan Mean => Count is var count and > 0 ? FromNanoseconds(_sum / count) : TimeSpan.Zero;

    public TimeSpan Max => FromNanoseconds(_max);

    public void Record(long nanoseconds)
    {
        _histogram.RecordValue(Math.Clamp(nanoseconds, 0, Largest));
        Interlocked.Add(ref _sum, nanoseconds);
        Raise(nanoseconds);
    }

    /// <summary>Adds what another one has recorded, as if it had been recorded here.</summary>
    public void Add(LatencyHistogram other)
    {
        _histogram.Add(other._histogram);
        Interlocked.Add(ref _sum, Volatile.Read(ref other._sum));
        Raise(Volatile.Read(ref other._max));
    }

    /// <summary>
    /// The least duration that at least this part of all recorded ones do not exceed, rounded up to its bucket's end. The library's own
    /// GetValueAtPercentile rounds the rank to the nearest, so it may be below that.
    /// </summary>
    /// <param name="quantile">0…1, as 0.99.</param>
    public TimeSpan Percentile(double quantile)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(quantile * Count));
        foreach (var bucket in _histogram.RecordedValues())
            if (bucket.TotalCountToThisValue >= wanted)
                return FromNanoseconds(Math.Min(_histogram.HighestEquivalentValue(bucket.ValueIteratedTo), _max));
        return TimeSpan.Zero; // nothing was recorded
    }

    public Latency Summarize() => new(Mean, Percentile(0.5), Percentile(0.99), Max);

    private void Raise(long nanoseconds)
    {
        long max;
        while (nanoseconds > (max = Volatile.Read(ref _max)) && Interlocked.CompareExchange(ref _max, nanoseconds, max) != max)
        {
            // another thread has recorded a longer one meanwhile
        }
    }

    private static TimeSpan FromNanoseconds(long nanoseconds) => new((nanoseconds + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick);
}
