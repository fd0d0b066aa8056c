using System.Numerics;

namespace LoadTests.Engine;

/// <summary>
/// Durations in log-linear buckets, as HdrHistogram has them: each power of two is split into 128 equal buckets, so a
/// percentile is at most 1/128 above the exact one, whatever its size. Mean and maximum are exact. Recording takes no
/// lock and allocates nothing.
/// </summary>
internal sealed class LatencyHistogram
{
    /// <summary>A percentile is larger than the exact one by at most this part of it.</summary>
    public const double MaxRelativeError = 1.0 / SubBuckets;

    private const int SubBucketBits = 7;
    private const int SubBuckets = 1 << SubBucketBits;
    private const int LargestExponent = 40; // 2^40 ns is 18 minutes; what is longer is counted there
    private const long Largest = (1L << LargestExponent) - 1;

    private readonly long[] _counts = new long[BucketOf(Largest) + 1];
    private long _sum;
    private long _max;

    public long Count => _counts.Sum();

    public TimeSpan Mean => Count is var count and > 0 ? FromNanoseconds(_sum / count) : TimeSpan.Zero;

    public TimeSpan Max => FromNanoseconds(_max);

    public void Record(long nanoseconds)
    {
        Interlocked.Increment(ref _counts[BucketOf(Math.Clamp(nanoseconds, 0, Largest))]);
        Interlocked.Add(ref _sum, nanoseconds);
        long max;
        while (nanoseconds > (max = Volatile.Read(ref _max)) && Interlocked.CompareExchange(ref _max, nanoseconds, max) != max)
        {
            // somebody recorded another maximum meanwhile
        }
    }

    /// <summary>The least duration that at least this part of all recorded ones do not exceed, rounded up to its bucket's end.</summary>
    /// <param name="quantile">0…1, as 0.99.</param>
    public TimeSpan Percentile(double quantile)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(quantile * Count));
        long seen = 0;
        for (var bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted)
                return FromNanoseconds(Math.Min(EndOf(bucket), _max));
        }
        return TimeSpan.Zero; // nothing was recorded
    }

    public Latency Summarize() => new(Mean, Percentile(0.5), Percentile(0.99), Max);

    /// <summary>Values below 256 have a bucket each; above, the 8 leading bits choose it.</summary>
    private static int BucketOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - SubBucketBits);
        return (shift << SubBucketBits) + (int)(value >> shift);
    }

    /// <summary>The largest value in the bucket.</summary>
    private static long EndOf(int bucket)
    {
        var shift = Math.Max(0, (bucket >> SubBucketBits) - 1);
        return ((bucket - ((long)shift << SubBucketBits) + 1) << shift) - 1;
    }

    private static TimeSpan FromNanoseconds(long nanoseconds) => new((nanoseconds + TimeSpan.NanosecondsPerTick - 1) / TimeSpan.NanosecondsPerTick);
}
