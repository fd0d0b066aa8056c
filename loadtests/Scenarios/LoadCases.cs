using LoadTests.Benches;
using LoadTests.Http;
using LoadTests.Http.Queries;

namespace LoadTests.Scenarios;

/// <summary>The load scenarios.</summary>
internal static class LoadCases
{
    private const int Users = 64;

    /// <summary>Two routers let 64 queries in.</summary>
    private const int QueryUsers = 16;

    private static readonly IReadOnlyList<ItemIndex> Both = [RankedItems.ByRank, RankedItems.ByGroup];
    private static readonly RankedItems Million = RankedItems.Default with { Count = 1_000_000 };

    public static IReadOnlyList<LoadCase> All { get; } =
    [
        new("read", "GET of single items", 2000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Gets)),
        new("write", "durable PUT of existing items", 1000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Puts)),
        new("mixed", "80 % GET, 20 % PUT", 1500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed)),
        new("hot-partition", "80 % GET, 20 % PUT; one partition gets half of all requests", 1500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.HotPartition))
        {
            Items = ItemSet.Hot,
        },
        Large("large-64k", "80 % GET, 20 % PUT of documents of 64 KiB", 200, ItemSet.Large64KiB),
        Large("large-900k", "80 % GET, 20 % PUT of documents of 900 KiB", 10, ItemSet.Large900KiB),
        new("list", "pages of 100 items of one partition of 1,000, by cursor", 100, 16, ListSession.Scenario)
        {
            Items = ItemSet.Hot,
        },
        new("batch", "batchGet of 100 random keys over both shards; each of the 100 documents is checked", 50, 16, BatchSession.Scenario),
        Query("query", "pages of 100 items over both shards in the order of an index", 40, items => [RankedQueries.FirstPage(items)]),
        Query("query-filter", "pages of 100 items of one group over both shards, in an order, by an index", 40, RankedQueries.GroupPages),
        new(
            "query-page-1000", "page 1,000 of such an order, by its cursor", 40, QueryUsers,
            (name, proxy) => QuerySession.Scenario(
                name, proxy, async stop => [await RankedQueries.LatePageAsync(proxy, RankedItems.Default, stop)]))
        {
            Ranked = RankedItems.Default,
            Indexes = Both,
        },
        Query("count", "the number of items of one group, 2,000 of 200,000, over both shards", 60, RankedQueries.Counts),
        Query("aggregate", "count, sum and maximum of one group, 2,000 of 200,000, over both shards", 40, RankedQueries.Aggregates),
        new("connection-churn", "80 % GET, 20 % PUT, each on a new TCP connection", 300, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed, requestsPerConnection: 1)),
        new("during-add-shard", "80 % GET, 20 % PUT while a third shard joins and takes its share; no request may fail", 500, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed))
        {
            Event = new AddShardEvent(),
            Seconds = 90, // the join takes about half a minute
        },
        new(
            "during-index-build", "80 % GET, 20 % PUT of 1,000,000 items while an index of them is built; no request may fail", 500, Users,
            (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.MixedOf(Million)))
        {
            Ranked = Million,
            Event = new IndexBuildEvent(Million, RankedItems.ByGroup),
            Seconds = 120,
        },
        new("during-router-death", "80 % GET, 20 % PUT while one of two routers is killed and comes back; failures are counted", 1000, Users, (name, proxy) => HttpSession.Scenario(name, proxy, RequestMix.Mixed))
        {
            Event = new RouterDeathEvent(),
            MayFail = true,
        },
    ];

    private static LoadCase Query(
        string name, string description, double perSecond, Func<RankedItems, IReadOnlyList<QueryRequest>> queries) =>
        new(
            name, description, perSecond, QueryUsers,
            (scenario, proxy) => QuerySession.Scenario(scenario, proxy, queries(RankedItems.Default)))
        {
            Ranked = RankedItems.Default,
            Indexes = Both,
        };

    private static LoadCase Large(string name, string description, double perSecond, ItemSet items) =>
        new(name, description, perSecond, 16, (scenario, proxy) => HttpSession.Scenario(scenario, proxy, RequestMix.MixedOf(items), items.RequestBytes)) { Items = items };
}
