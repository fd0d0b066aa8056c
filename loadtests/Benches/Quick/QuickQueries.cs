using LoadTests.Cluster;
using LoadTests.Http;
using LoadTests.Http.Queries;
using LoadTests.References;

namespace LoadTests.Benches.Quick;

/// <summary>
/// Short forms of the benches of queries and of what indexes cost, in the guard's cluster with its one shard: a page is compared with SQL
/// on a plain table. That takes a quarter of a minute.
/// </summary>
internal static class QuickQueries
{
    private static readonly RankedItems Read = RankedItems.Default with { Count = 10_000 };

    /// <summary>Not the same, because its ranks change, and answers to queries are checked.</summary>
    private static readonly RankedItems Written = Read with { Collection = "written" };

    private static readonly RankedItems Bare = Read with { Collection = "bare" };

    public static async Task<IReadOnlyList<QuickRatio>> MeasureAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        if (!await PlainTable.ExistsAsync(cluster.Shard, cancellation)) // it does when this is measured once more
        {
            await RankedFilling.FillAsync(cluster.Status, Read, cancellation, RankedItems.ByGroup);
            await RankedFilling.FillAsync(cluster.Status, Written, cancellation, RankedItems.ByRank, RankedItems.ByGroup);
            await RankedFilling.FillAsync(cluster.Status, Bare, cancellation);
            await PlainTable.MakeAsync(cluster.Shard, Read, cancellation);
        }
        var second = TimeSpan.FromSeconds(1);
        var brief = run.With(run.Options with { Duration = second, FirstWarmUp = second, WarmUp = second / 2 });
        var pages = await brief.CompareAsync(
            "A page of 100 of one group in an order, one user", null, cancellation,
            brief.Queries("router", cluster, users: 1, RankedQueries.GroupPages(Read)),
            brief.Plain(PlainTable.GroupPages(cluster.Shard, Read), cluster.Shard, users: 1));
        var puts = await brief.CompareAsync(
            "Durable PUT of existing items", null, cancellation,
            brief.Router(cluster.Router, RequestMix.PutsOf(Written), name: "two indexes"),
            brief.Router(cluster.Router, RequestMix.PutsOf(Bare), name: "no index"));
        return
        [
            new("query page p50, times plain SQL's", pages[0].LatencyRatioTo(pages[1], latency => latency.P50).Median, LessIsBetter: true),
            new("index-cost", puts[0].RatioTo(puts[1]).Median, LessIsBetter: false),
        ];
    }
}
