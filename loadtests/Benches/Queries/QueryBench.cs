using LoadTests.Cluster;
using LoadTests.Http.Queries;
using LoadTests.References;

namespace LoadTests.Benches.Queries;

/// <summary>
/// Measures what it costs that the items of a query are in several shards: pages and counts over eight shards are compared with the same
/// over one shard that has all items, and with SQL on a plain table. Page 1,000 is compared with page 1.
/// </summary>
/// <remarks>
/// All shards share this machine, so eight statements for one page wait for the same cores. On machines of their own they would not.
/// </remarks>
internal sealed class QueryBench : IBench
{
    private const int Shards = 8;

    /// <summary>A router runs 32 queries at a time, and refuses more.</summary>
    private const int ManyUsers = 16;

    private static readonly RankedItems Items = RankedItems.Default;

    public string Name => "query";

    public string Description =>
        "indexed pages and counts over 8 shards, beside the same over one shard and SQL on a plain table; page 1,000 beside page 1";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var one = await StartAsync(BenchPlace.First, shards: 1, cancellation);
        await using var many = await StartAsync(new BenchPlace(1), Shards, cancellation);
        await PlainTable.MakeAsync(one.Shard, Items, cancellation);
        var late = await RankedQueries.LatePageAsync(many.Router.Url, Items, cancellation);

        var pages = await run.CompareAsync(
            "A page of 100 in an order, one user", null, cancellation,
            run.Queries("8 shards", many, users: 1, RankedQueries.FirstPage(Items)),
            run.Queries("1 shard", one, users: 1, RankedQueries.FirstPage(Items)),
            run.Plain(PlainTable.Pages(one.Shard), one.Shard, users: 1), run.Queries("page 1,000", many, users: 1, late));
        var groups = await run.CompareAsync(
            "A page of 100 of one group in an order, one user", null, cancellation,
            run.Queries("8 shards", many, users: 1, RankedQueries.GroupPages(Items)),
            run.Queries("1 shard", one, users: 1, RankedQueries.GroupPages(Items)),
            run.Plain(PlainTable.GroupPages(one.Shard, Items), one.Shard, users: 1));
        var counts = await run.CompareAsync(
            "The number of items of one group, one user", null, cancellation,
            run.Queries("8 shards", many, users: 1, RankedQueries.Counts(Items)),
            run.Queries("1 shard", one, users: 1, RankedQueries.Counts(Items)),
            run.Plain(PlainTable.Counts(one.Shard, Items), one.Shard, users: 1));
        var most = await run.CompareAsync(
            "A page of 100 in an order, 16 users", null, cancellation,
            run.Queries("8 shards", many, ManyUsers, RankedQueries.FirstPage(Items)),
            run.Queries("1 shard", one, ManyUsers, RankedQueries.FirstPage(Items)),
            run.Plain(PlainTable.Pages(one.Shard), one.Shard, ManyUsers));

        Tell(run, "page", pages, target: 3);
        Tell(run, "page of a group", groups, target: null);
        Tell(run, "count of a group", counts, target: null);
        run.Report.Ratio("query throughput of pages, 8 shards to one", most[0].RatioTo(most[1]), target: null);
        run.Report.Ratio("query throughput of pages, one shard to plain SQL", most[1].RatioTo(most[2]), target: null);
        run.Report.Cost("query p50 of page 1,000, times page 1's", pages[3].LatencyRatioTo(pages[0], latency => latency.P50), 1.1);
    }

    private static Task<BenchCluster> StartAsync(BenchPlace place, int shards, CancellationToken cancellation) => BenchCluster.StartAsync(
        place, routers: 1, shards, FormattableString.Invariant($"{Items.Count:#,0} items in all, two indexes"),
        (status, stop) => RankedFilling.FillAsync(status, Items, stop, RankedItems.ByRank, RankedItems.ByGroup), cancellation);

    /// <param name="standings">Eight shards, one shard, plain SQL.</param>
    private static void Tell(BenchRun run, string what, IReadOnlyList<Standing> standings, double? target)
    {
        var (many, one, plain) = (standings[0], standings[1], standings[2]);
        run.Report.Cost($"query p50 of a {what} over 1 shard, times plain SQL's", one.LatencyRatioTo(plain, latency => latency.P50), null);
        run.Report.Cost($"query p99 of a {what} over 8 shards, times one's", many.LatencyRatioTo(one, latency => latency.P99), null);
        run.Report.Cost($"query p50 of a {what} over 8 shards, times one's", many.LatencyRatioTo(one, latency => latency.P50), target);
    }
}
