using FsCheck;
using FsCheck.Fluent;
using LoadTests.Engine;

namespace LoadTests.Tests.Engine;

public sealed class LatencyHistogramTests
{
    private static readonly double[] Quantiles = [0, 0.001, 0.5, 0.9, 0.99, 0.999, 1];

    [Fact]
    public void A_percentile_is_the_exact_one_or_less_than_a_bucket_above_it() =>
        Prop.ForAll(Durations().ToArbitrary(), durations =>
        {
            var histogram = new LatencyHistogram();
            foreach (var duration in durations)
                histogram.Record(duration);
            var sorted = durations.Order().ToArray();

            return Quantiles.All(quantile =>
            {
                double exact = sorted[Math.Max(1, (int)Math.Ceiling(quantile * sorted.Length)) - 1];
                var measured = histogram.Percentile(quantile).TotalNanoseconds;
                return measured >= exact && measured <= exact * (1 + LatencyHistogram.MaxRelativeError) + TimeSpan.NanosecondsPerTick;
            });
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Count_mean_and_longest_are_exact()
    {
        var histogram = new LatencyHistogram();
        foreach (var microseconds in (long[])[100, 200, 300, 123_456_700])
            histogram.Record(microseconds * 1000);

        Assert.Equal(4, histogram.Count);
        Assert.Equal(TimeSpan.FromMicroseconds(30_864_325), histogram.Mean);
        Assert.Equal(TimeSpan.FromMicroseconds(123_456_700), histogram.Max);
        Assert.Equal(histogram.Max, histogram.Percentile(1));
    }

    [Fact]
    public void Nothing_recorded_is_zero_everywhere()
    {
        var latency = new LatencyHistogram().Summarize();

        Assert.Equal(new Latency(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero), latency);
    }

    [Theory]
    [InlineData(-5)]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public void What_no_operation_can_take_is_counted_at_the_edge(long nanoseconds)
    {
        var histogram = new LatencyHistogram();
        histogram.Record(nanoseconds);

        Assert.Equal(1, histogram.Count);
    }

    [Fact]
    public async Task No_recording_is_lost_when_many_threads_record()
    {
        var histogram = new LatencyHistogram();
        await Task.WhenAll(Enumerable.Range(1, 4).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 50_000; i++)
                histogram.Record(thread * 1000);
        })));

        Assert.Equal(200_000, histogram.Count);
        Assert.Equal(TimeSpan.FromMicroseconds(2.5), histogram.Mean);
        Assert.Equal(TimeSpan.FromMicroseconds(4), histogram.Max);
    }

    /// <summary>1…500 durations from nanoseconds to a minute, all orders of magnitude alike.</summary>
    private static Gen<long[]> Durations() => Gen.Choose(0, 36)
        .SelectMany(exponent => Gen.Choose(0, int.MaxValue).Select(part => (long)Math.Pow(2, exponent + ((double)part / int.MaxValue)) - 1))
        .ArrayOf(500)
        .SelectMany(all => Gen.Choose(1, all.Length).Select(count => all[..count]));
}
