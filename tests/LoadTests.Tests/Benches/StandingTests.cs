using LoadTests.Benches;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Tests.Benches;

public sealed class StandingTests
{
    [Theory]
    [InlineData(new[] { 3.0 }, 3.0)]
    [InlineData(new[] { 9.0, 1.0, 5.0 }, 5.0)]
    [InlineData(new[] { 4.0, 1.0, 2.0, 9.0 }, 3.0)]
    public void The_median_is_the_middle(double[] values, double median) => Assert.Equal(median, Standing.Median(values));

    [Fact]
    public void The_ratio_is_the_median_of_the_pairs_ratios()
    {
        // In the second pair the whole machine was slow; a ratio of medians would not be fooled here either, but one of means would.
        var (median, least, most) = Runs(100, 10, 120).RatioTo(Runs(50, 5, 40));

        Assert.Equal((2.0, 2.0, 3.0), (median, least, most));
    }

    [Fact]
    public void So_is_that_of_latencies()
    {
        var ratio = Took(20, 300, 44).LatencyRatioTo(Took(10, 100, 22), latency => latency.P50);

        Assert.Equal((2.0, 2.0, 3.0), ratio);

        static Standing Took(params double[] milliseconds) =>
            new("a", [.. milliseconds.Select(value => new LoadResult(
                1, new Latency(TimeSpan.FromSeconds(1), P50: TimeSpan.FromMilliseconds(value))))]);
    }

    [Fact]
    public void A_latency_that_one_run_does_not_tell_is_not_told()
    {
        var standing = new Standing("a", [new(1, new Latency(TimeSpan.FromMilliseconds(1), P50: TimeSpan.FromMilliseconds(2))), new(1, new Latency(TimeSpan.FromMilliseconds(3)))]);

        Assert.Equal(TimeSpan.FromMilliseconds(2), standing.MedianOf(latency => latency.Mean));
        Assert.Null(standing.MedianOf(latency => latency.P50));
    }

    [Fact]
    public async Task The_report_ends_with_what_was_asked_for()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var console = new StringWriter();
            var report = new Report("get", "abc1234", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), console);
            report.Table([Runs(30_000), Runs(24_000)]);
            report.Ratio("get", (1.234, 1.1, 1.3), target: 1.5);
            await report.FinishAsync(folder.FullName, TestContext.Current.CancellationToken);

            Assert.EndsWith("\nratio get 1.23 (to reach 1.5)  [1.10…1.30]", console.ToString().TrimEnd(), StringComparison.Ordinal);
            var text = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "20260102-030405-get.md"), TestContext.Current.CancellationToken);
            Assert.Contains("abc1234", text, StringComparison.Ordinal);
            Assert.Contains("| 30,000 |", text, StringComparison.Ordinal);
            Assert.Contains("ratio get 1.23", text, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Standing Runs(params double[] perSecond) => new("a", [.. perSecond.Select(value => new LoadResult(value, new Latency(TimeSpan.FromMilliseconds(1))))]);
}
