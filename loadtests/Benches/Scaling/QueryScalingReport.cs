using System.Globalization;
using LoadTests.Engine;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches.Scaling;

/// <summary>The tables of queries over more and more shards.</summary>
internal static class QueryScalingReport
{
    /// <param name="cores">The share of a core of each shard; null: there was no limit.</param>
    public static void Tell(Report report, double? cores, IReadOnlyList<QueryScalingStep> steps)
    {
        var held = cores is { } share ? FormattableString.Invariant($"{share} core for each shard") : "not held to a quota";
        foreach (var step in steps)
        {
            var one = step.Clusters[0].Standing;
            var rows = step.Clusters.Select(each => Row(each.Shards.ToString(CultureInfo.InvariantCulture), each.Standing, one));
            report.Table(
                $"Queries: {step.Query}, closed loop, {held}", ["shards", "queries/s", "times one", "p50", "p99"],
                rows.Append(Row("plain table, SQL", step.Plain, one)));
            var (most, standing) = step.Clusters[^1];
            report.Told(
                FormattableString.Invariant($"partitioned {step.Query} with {most} shards, times one's queries/s"),
                standing.RatioTo(one).Median, $"({held})");
            report.Told($"partitioned {step.Query} with 1 shard, times plain SQL's queries/s", one.RatioTo(step.Plain).Median, $"({held})");
        }
    }

    private static string[] Row(string name, Standing standing, Standing one) =>
    [
        name, FigureText.Rate(standing.MedianPerSecond), FigureText.Number(standing.RatioTo(one).Median),
        FigureText.Time(standing.MedianOf(latency => latency.P50)), FigureText.Time(standing.MedianOf(latency => latency.P99)),
    ];
}
