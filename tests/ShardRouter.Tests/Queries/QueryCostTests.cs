using System.Globalization;
using ShardCore.Queries;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>What a router tells of the queries that it answered, on real shards. Each test has a collection of its own.</summary>
public sealed class QueryCostTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Partitions = 30;
    private const int InEach = 10;

    [Theory]
    [InlineData("""{"orderBy":[{"path":"n"}],"limit":5}""", 5)]
    [InlineData("""{"filter":{"n":{"eq":3}},"limit":1000}""", Partitions)]
    [InlineData("""{"filter":{"n":{"eq":77}}}""", 0)]
    public async Task A_scan_tells_how_many_items_its_shards_looked_at(string body, int returned)
    {
        var items = await FilledAsync();
        (await QueryAsync(items, body)).Expect(200);

        var cost = Assert.Single(await CostsAsync(items));
        Assert.Equal((QueryKind.Scan, 1, Partitions * InEach, returned), (cost.Shape.Kind, cost.Calls, cost.Scanned, cost.Returned));
        Assert.Equal((3, 0, 0), (cost.Statements, cost.Failed, cost.BudgetStops));
        Assert.InRange(cost.LongestSeconds, cost.ShardSeconds / 3, cost.ShardSeconds);
        Assert.Equal(["n"], cost.IndexFields.Select(field => field.Path));
        Assert.Equal("number", cost.IndexFields[0].Type); // the filter's value tells it, or what was found
    }

    [Fact]
    public async Task Counts_and_aggregates_are_counted_too()
    {
        var items = await FilledAsync();
        (await items.Api.PostAsync(items.Address + ":count", """{"allowScan":true,"filter":{"n":{"eq":3}}}""")).Expect(200);
        (await items.Api.PostAsync(items.Address + ":aggregate", """{"allowScan":true,"groupBy":["n"],"aggregates":[{"op":"count"}]}""")).Expect(200);
        (await QueryAsync(items, """{"filter":{"n":{"eq":4}},"count":"exact"}""")).Expect(200); // asks twice: for items, and for their number

        var costs = (await CostsAsync(items)).OrderBy(cost => cost.Shape.Operation, StringComparer.Ordinal).ToList();
        Assert.Equal(
            [("aggregate", null, "n", 1L, 300L), ("count", "n eq", null, 2L, 600L), ("query", "n eq", null, 1L, 300L)],
            costs.Select(cost => (cost.Shape.Operation, cost.Shape.Filter, cost.Shape.GroupBy, cost.Calls, cost.Scanned)));
        Assert.Equal(2, costs[1].Returned);
    }

    [Fact]
    public async Task Pages_of_a_listing_read_what_they_show()
    {
        var items = await FilledAsync();
        var first = (await QueryAsync(items, """{"limit":10}""")).Expect(200);
        (await QueryAsync(items, $$"""{"limit":10,"cursor":"{{first.Next()}}"}""")).Expect(200);

        var cost = Assert.Single(await CostsAsync(items));
        Assert.Equal((QueryKind.Listing, 2, 1, 20), (cost.Shape.Kind, cost.Calls, cost.LaterPages, cost.Returned));
        Assert.Empty(cost.IndexFields);
    }

    [Fact]
    public async Task A_partition_is_asked_for_at_one_shard()
    {
        var items = await FilledAsync();
        (await QueryAsync(items, """{"partition":"zqkey-1","filter":{"n":{"eq":1}}}""")).Expect(200);

        var cost = Assert.Single(await CostsAsync(items));
        Assert.Equal((QueryKind.Partition, 1, 1), (cost.Shape.Kind, cost.Statements, cost.Returned));
        Assert.InRange(cost.Scanned, 1, Partitions * InEach);
    }

    [Fact]
    public async Task A_query_without_an_answer_has_its_cost()
    {
        var items = await FilledAsync();
        await using (await HeldTable.TakeAsync(own.Cluster["s1"], items))
            (await QueryAsync(items, """{"filter":{"n":{"eq":1}}}""", ("Request-Timeout", "0.5"))).ExpectProblem(504, "deadline-exceeded");

        var cost = Assert.Single(await CostsAsync(items));
        Assert.Equal((1, 1, 0), (cost.Calls, cost.Failed, cost.Returned));
        Assert.InRange(cost.LongestSeconds, 0.4, 5);
    }

    [Fact]
    public async Task Metrics_grow_by_operation_and_kind()
    {
        var items = await FilledAsync();
        var before = await MetricsAsync();
        (await items.Api.PostAsync(items.Address + ":count", """{"allowScan":true}""")).Expect(200);
        var after = await MetricsAsync();

        Assert.Equal([1, 3, Partitions * InEach, 1], after.Zip(before, (now, then) => now - then));
        Assert.True(await own.Router.MetricAsync("sharding_queries_shard_time_seconds_total", "kind=\"scan\"") > 0);

        Task<double[]> MetricsAsync() => Task.WhenAll(((string[])["", "_shard_statements", "_items_scanned", "_items_returned"])
            .Select(what => own.Router.MetricAsync($"sharding_queries{what}_total", "kind=\"scan\",operation=\"count\"")));
    }

    [Fact]
    public async Task No_key_and_no_value_is_told()
    {
        var items = await FilledAsync();
        (await QueryAsync(items, """{"partition":"zqkey-1","id":{"prefix":"zqid"},"filter":{"t":{"eq":"zqvalue"}}}""")).Expect(200);
        (await QueryAsync(items, """{"id":{"gt":"zqid"},"filter":{"t":{"in":["zqvalue","zqother"]}},"orderBy":[{"path":"t"}]}""")).Expect(200);

        var told = (await own.Router.Operations.GetAsync("/admin/v1/queries")).Expect(200).Text;
        Assert.Contains("[id] gt and t in", told, StringComparison.Ordinal);
        Assert.DoesNotContain("zq", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_data_port_tells_nothing() => (await own.Items.Api.GetAsync("/admin/v1/queries")).Expect(404);

    private static Task<ApiReply> QueryAsync(ApiCollection items, string body, params (string Name, string Value)[] headers) => items.Api.PostAsync(
        items.Address + ":query", body.Contains("partition", StringComparison.Ordinal) ? body : body.Insert(1, "\"allowScan\":true,"), headers);

    private async Task<ApiCollection> FilledAsync()
    {
        var items = await ApiCollection.CreateAsync(own.Router.Api);
        for (var partition = 0; partition < Partitions; partition++)
            await Pages.PutAllAsync(
                items, string.Create(CultureInfo.InvariantCulture, $"zqkey-{partition}"),
                Enumerable.Range(0, InEach).Select(i => ($"zqid-{i}", $$"""{"n":{{i}},"t":"zqvalue"}""")));
        return items;
    }

    private async Task<IReadOnlyList<QueryCost>> CostsAsync(ApiCollection items)
    {
        var report = QueryCostReport.Parse((await own.Router.Operations.GetAsync("/admin/v1/queries")).Expect(200).Body)!;
        Assert.Equal(own.Router.Id, report.Router);
        return [.. report.Queries.Where(cost => cost.Shape.Collection == items.Name)];
    }
}
