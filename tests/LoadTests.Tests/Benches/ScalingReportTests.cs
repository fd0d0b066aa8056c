using LoadTests.Benches;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Tests.Benches;

public sealed class ScalingReportTests
{
    [Fact]
    public async Task Each_round_is_compared_with_one_in_the_same_round()
    {
        // In the second round the machine was slow for both. The medians of each on its own, 3 ms and 4 ms, would say 1.33.
        var one = Step(1, (100, 2), (100, 30), (100, 3));
        var two = Step(2, (200, 4), (200, 30), (150, 3));

        var told = await TellAsync(0.025, one, two);

        Assert.Contains("throughput with 2 shards, times one 2.00  (at least 1.80)", told, StringComparison.Ordinal);
        Assert.Contains("p99 with 2 shards, times one's 1.00  (at most 1.00)", told, StringComparison.Ordinal);
        Assert.Contains("0.025 core for each shard", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_not_held_to_a_quota_says_so_and_has_no_target()
    {
        var told = await TellAsync(null, Step(1, (100, 2)), Step(2, (200, 4)));

        Assert.Contains("open loop, not held to a quota, ", told, StringComparison.Ordinal);
        Assert.Contains("throughput with 2 shards, times one 2.00 (not held to a quota)", told, StringComparison.Ordinal);
        Assert.DoesNotContain("at least", told, StringComparison.Ordinal);
        Assert.DoesNotContain("at most", told, StringComparison.Ordinal);
    }

    private static ScalingStep Step(int count, params (double PerSecond, double P99Ms)[] rounds)
    {
        LoadResult[] results = [.. rounds.Select(round => new LoadResult(round.PerSecond, new Latency(
            TimeSpan.FromMilliseconds(1), P50: TimeSpan.FromMilliseconds(1), P99: TimeSpan.FromMilliseconds(round.P99Ms), Max: TimeSpan.FromMilliseconds(round.P99Ms))))];
        return new ScalingStep(count, 100, new Standing("", results), count == 1 ? results[0] : null);
    }

    private static async Task<string> TellAsync(double? cores, params ScalingStep[] steps)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var console = new StringWriter();
            var report = new Report("partitioned", "abc1234", DateTimeOffset.UnixEpoch, console);
            new ScalingReport(ScaledPart.Shards with { Counts = [1, 2] }, cores, steps).Tell(report);
            await report.FinishAsync(folder.FullName, TestContext.Current.CancellationToken);
            return console.ToString();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
