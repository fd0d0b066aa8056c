using ShardAdmin.Failures;
using ShardAdmin.Queries;
using ShardCore.Queries;
using TestCluster;

namespace ShardAdmin.Tests.Queries;

/// <summary><c>shardadmin queries</c>: what all routers together tell, and what it makes of that.</summary>
public sealed class QueriesTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);

    private static readonly QueryShape ByTotal = new("orders", "query", QueryKind.Scan, "total gte", "total desc", null, null);

    private static readonly QueryCost Total = new(
        ByTotal, [new("total", "number", Descending: true)], Calls: 10, LaterPages: 2, Failed: 0, BudgetStops: 0, Statements: 30,
        Scanned: 200_000, Returned: 100, ShardSeconds: 12.3, LongestSeconds: 0.9, Noon, Noon.AddHours(1));

    private static readonly QueryCost Count = Total with
    {
        Shape = new QueryShape("visits", "count", QueryKind.Scan, null, null, null, null),
        IndexFields = [],
        Calls = 500,
        Scanned = 9_000_000,
        Returned = 500,
        ShardSeconds = 2,
    };

    [Fact]
    public async Task What_several_routers_tell_is_added_up()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        await using var one = await ToldRouter.StartAsync(cluster, "r1", Total, Count);
        await using var other = await ToldRouter.StartAsync(
            cluster, "r2", Total with { Calls = 5, Scanned = 100_000, Returned = 50, LongestSeconds = 1.5, LastAt = Noon.AddHours(2) });

        var json = (await cluster.RunAsync("queries", "-o", "json")).Succeeds().Json;
        var first = json.GetProperty("queries")[0];
        var cost = first.GetProperty("cost");
        Assert.Equal(2, json.GetProperty("queries").GetArrayLength());
        Assert.Equal(["r1", "r2"], json.GetProperty("routers").EnumerateArray().Select(each => each.GetString()));
        Assert.Equal("total gte order by total desc", first.GetProperty("text").GetString());
        Assert.Equal(2000, first.GetProperty("scannedPerReturned").GetDouble());
        Assert.Equal("shardadmin indexes create orders by_total total:number:desc", first.GetProperty("command").GetString());
        Assert.Equal((15, 300_000, 150), (cost.GetProperty("calls").GetInt32(), cost.GetProperty("scanned").GetInt32(), cost.GetProperty("returned").GetInt32()));
        Assert.Equal((24.6, 1.5), (cost.GetProperty("shardSeconds").GetDouble(), cost.GetProperty("longestSeconds").GetDouble()));
        Assert.Equal((Noon, Noon.AddHours(2)), (cost.GetProperty("since").GetDateTimeOffset(), cost.GetProperty("lastAt").GetDateTimeOffset()));

        (await cluster.RunAsync("queries")).Succeeds(
            "orders", "total gte order by total desc", "2,000", "25 s", "1500 ms",
            "make an index on total: shardadmin indexes create orders by_total total:number:desc",
            "visits", "all items", "18,000 a call", "2000 ms", "it reads every item");
    }

    [Theory]
    [InlineData("time", "orders", "visits")]
    [InlineData("scanned", "visits", "orders")]
    [InlineData("calls", "visits", "orders")]
    public async Task They_come_in_the_wanted_order(string by, params string[] collections)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        await using var router = await ToldRouter.StartAsync(cluster, "r1", Count, Total);

        Assert.Equal(collections, await CollectionsAsync(cluster, "--by", by));
        Assert.Equal(collections[..1], await CollectionsAsync(cluster, "--by", by, "--limit", "1"));
        Assert.Equal(["visits"], await CollectionsAsync(cluster, "--by", by, "--collection", "visits"));
    }

    [Fact]
    public async Task Routers_that_do_not_tell_are_named()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        await using var router = await ToldRouter.StartAsync(cluster, "r1", Total);
        await using var older = await ToldRouter.StartAsync(cluster, "r2", () => null);
        await using var newer = await ToldRouter.StartAsync(cluster, "r3", () => """{"router":"r3","shapes":[]}"""u8.ToArray());
        await ToldRouter.RegisterAsync(cluster, "r4", "http://127.0.0.1:1");
        await ToldRouter.RegisterAsync(cluster, "r5", "http://");

        var run = (await cluster.RunAsync("queries")).Succeeds("orders");
        foreach (var told in (string[])[
            $"Router r2 at {older.Url} does not tell: It answered 404.", $"Router r3 at {newer.Url} does not tell: Version 0.1.0",
            "Router r4 at http://127.0.0.1:1 does not tell: Connection refused", "Router r5 "])
            Assert.Contains(told, run.Error, StringComparison.Ordinal);
        var json = (await cluster.RunAsync("queries", "-o", "json")).Succeeds().Json;
        Assert.Equal(["r2", "r3", "r4", "r5"], json.GetProperty("silent").EnumerateArray().Select(each => each.GetProperty("router").GetString()));
    }

    [Fact]
    public async Task Without_any_router_that_tells_there_is_nothing_to_see()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        (await cluster.RunAsync("queries")).Succeeds("No router is registered.");

        await ToldRouter.RegisterAsync(cluster, "r1", "http://127.0.0.1:1");
        (await cluster.RunAsync("queries")).Exits(ExitCode.CannotReach, "No router tells.");

        await using var idle = await ToldRouter.StartAsync(cluster, "r2");
        (await cluster.RunAsync("queries")).Succeeds("No router has answered such a query yet.");
    }

    [Theory]
    [InlineData("queries --by cost", "--by takes time, scanned or calls, not 'cost'")]
    [InlineData("queries --limit 0", "--limit is 1…1000")]
    [InlineData("queries --collection A", "'A' is not a collection name")]
    public async Task What_cannot_be_asked_is_refused(string typed, string told) =>
        (await AdminRun.OfAsync(new Dictionary<string, string> { ["SHARDING_REDIS"] = "127.0.0.1:1" }, typed.Split(' '))).Fails(ExitCode.Usage, told);

    [Fact]
    public void An_index_that_serves_the_shape_now_is_not_advised_again()
    {
        var served = Total with { Shape = ByTotal with { Index = "by_total", Kind = QueryKind.Indexed }, LastAt = Total.LastAt.AddMinutes(1) };

        Assert.Equal(new QueryAdvice("index by_total serves it now", null), QueryAdvice.Of(Total, [Total, served]));
        Assert.Equal(new QueryAdvice("index by_total serves it", null), QueryAdvice.Of(served, [Total, served]));
        // The index was dropped, and the query scans again.
        Assert.NotNull(QueryAdvice.Of(Total, [Total, served with { LastAt = Total.LastAt.AddMinutes(-1) }]).Command);
    }

    [Fact]
    public void Each_kind_of_query_has_its_advice()
    {
        Assert.Equal("it looks at few items", Advice(Total with { Scanned = 9_999 }));
        Assert.Equal("make an index on total", Advice(Total with { Scanned = 9_999, BudgetStops = 1 }));
        Assert.Equal("make an index on total", Advice(Total with { Scanned = 0, Failed = 1 }));
        Assert.Equal("reads one partition", Advice(Total with { Shape = ByTotal with { Kind = QueryKind.Partition } }));
        Assert.Equal("reads what it shows", Advice(Total with { Shape = ByTotal with { Kind = QueryKind.Listing } }));
        Assert.StartsWith("no index serves this filter", Advice(Total with { IndexFields = [] }), StringComparison.Ordinal);
        Assert.StartsWith("it reads every item", Advice(Count), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("customer.name", "text", "shardadmin indexes create orders by_customer_name customer.name:text")]
    [InlineData("it's", "text", """shardadmin indexes create orders by_it_s 'it'\''s:text'""")]
    [InlineData("total", null, "shardadmin indexes create orders by_total total:TYPE")]
    [InlineData("a:b", "text", null)]
    public void The_command_can_be_typed(string path, string? type, string? command) =>
        Assert.Equal(command, QueryAdvice.Of(Total with { IndexFields = [new(path, type, Descending: false)] }, []).Command);

    private static string Advice(QueryCost cost) => QueryAdvice.Of(cost, [cost]).Text;

    private static async Task<string[]> CollectionsAsync(AdminCluster cluster, params string[] options) =>
        [.. (await cluster.RunAsync(["queries", "-o", "json", .. options])).Succeeds().Json.GetProperty("queries").EnumerateArray()
            .Select(each => each.GetProperty("cost").GetProperty("shape").GetProperty("collection").GetString()!)];
}
