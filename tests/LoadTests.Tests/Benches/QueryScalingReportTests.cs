using LoadTests.Benches;
using LoadTests.Benches.Scaling;
using LoadTests.Engine;
using LoadTests.Reports;

namespace LoadTests.Tests.Benches;

public sealed class QueryScalingReportTests
{
    [Fact]
    public void Queries_over_many_shards_stand_beside_one_shard_and_a_plain_table()
    {
        var console = new StringWriter();
        var report = new Report("partitioned", "abc1234", DateTimeOffset.UnixEpoch, console);

        QueryScalingReport.Tell(report, 0.025, [new QueryScalingStep("page", [(1, Runs(10, 20)), (8, Runs(8, 20))], Runs(40, 80))]);

        Assert.Contains("Queries: page, closed loop, 0.025 core for each shard", console.ToString(), StringComparison.Ordinal);
        Assert.Matches(@"8 +\| +14 \| +0\.90 \|", console.ToString());
        Assert.Matches(@"plain table, SQL \| +60 \| +4\.00 \|", console.ToString());
    }

    private static Standing Runs(params double[] perSecond) => new("", [.. perSecond.Select(value => new LoadResult(
        value, new Latency(TimeSpan.FromMilliseconds(1), P50: TimeSpan.FromMilliseconds(1), P99: TimeSpan.FromMilliseconds(2))))]);
}
