using TestCluster;

namespace ShardRouter.Tests.Faults;

[Collection(FaultTests.Name)]
public sealed class StoppedShardTests(ShardFaultCluster own) : IClassFixture<ShardFaultCluster>
{
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private SeededCluster Cluster => own.Cluster;

    private ApiCollection Items => own.Items;

    [Theory]
    [InlineData("s1", "fast", Traits = ["Category", "Long"])]
    [InlineData("s2", "immediate", Traits = ["Category", "Long"])]
    [InlineData("s3", "kill -9")]
    public async Task Only_the_partitions_of_a_stopped_shard_fail_fast_and_they_recover_by_themselves(string victim, string how)
    {
        var (down, others) = (Cluster.PartitionOf(victim), Cluster.Shards.Select(shard => Cluster.PartitionOf(shard.Id)).Where(pk => pk != Cluster.PartitionOf(victim)).ToArray());
        await using var client = await ContinuousClient.StartAsync(Items, [down, .. others]);

        await StopAsync(own.ServerOf(victim), how);
        var stopped = client.Now;
        await client.AnswersAsync(down, 40);
        foreach (var pk in others)
            await client.AnswersAsync(pk, 40);
        await own.ServerOf(victim).StartAsync();
        await own.RecoversAsync(victim);
        await client.AnswersAsync(down, 10);
        var recovered = client.Of(down).Last(exchange => exchange.Succeeded).AskedAt;
        var exchanges = await client.StopAsync();

        var refused = exchanges.Where(exchange => exchange.Pk == down && !exchange.Succeeded).ToList();
        Assert.All(refused, Explained);
        var whileDown = refused.Where(exchange => exchange.AskedAt > stopped && exchange.Status == 503).ToList();
        Assert.True(whileDown.Count >= 30, $"Only {whileDown.Count} requests met the stopped shard.");
        Assert.InRange(Share(whileDown, exchange => exchange.Took <= Quick), 0.95, 1);
        Assert.All(exchanges.Where(exchange => exchange.Pk != down), exchange => Assert.True(exchange.Succeeded, exchange.ToString()));
        Assert.InRange(Share(exchanges.Where(exchange => exchange.Pk != down && exchange.AskedAt > stopped), exchange => exchange.Took <= Quick), 0.95, 1);
        Assert.True(recovered > stopped);
        await NothingIsLostAsync(victim, down, exchanges);
    }

    [Fact]
    public async Task A_batch_over_a_stopped_shard_fails_only_there()
    {
        string[] keys = [Cluster.PartitionOf("s1", 3), Cluster.PartitionOf("s2", 3), Cluster.PartitionOf("s3", 3), Cluster.PartitionOf("s2", 4)];
        foreach (var pk in keys)
            (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        await own.ServerOf("s2").StopAsync(PostgresShutdown.Immediate);
        await UnavailableAsync("s2");

        var read = await Items.BatchGetAsync($$"""{"keys":[{{string.Join(',', keys.Select(pk => $$"""{"pk":"{{pk}}","id":"x"}"""))}}]}""");
        var written = await Items.BatchWriteAsync($$"""{"ops":[{{string.Join(',', keys.Select(pk => $$"""{"op":"patch","pk":"{{pk}}","id":"x","doc":{"m":2} }"""))}}]}""");

        foreach (var reply in new[] { read, written })
        {
            var results = reply.Expect(207).Json.GetProperty("results").EnumerateArray().ToList();
            Assert.Equal(keys, results.Select(result => result.GetProperty("pk").GetString()));
            Assert.Equal([200, 503, 200, 503], results.Select(result => result.GetProperty("status").GetInt32()));
            Assert.All(new[] { 1, 3 }, i => Assert.Equal("shard-unavailable", results[i].GetProperty("error").GetProperty("code").GetString()));
            Assert.InRange(reply.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        }
        (await Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{keys[1]}}","ops":[{"op":"check","collection":"{{Items.Name}}","id":"x"}]}""")).ExpectProblem(503, "shard-unavailable");
        await own.ServerOf("s2").StartAsync();
        await own.RecoversAsync("s2");
        Setup.JsonAssert.Equal("""{"n":1}""", (await Items.GetAsync(keys[1], "x")).Expect(200).Text);
    }

    [Fact]
    public async Task Collections_are_listed_by_any_shard_and_created_once_all_answer()
    {
        await own.ServerOf("s1").KillAsync();
        await UnavailableAsync("s1");

        Assert.Contains($"\"{Items.Name}\"", (await Items.Api.GetAsync("/v1/collections")).Expect(200).Text, StringComparison.Ordinal);
        (await Items.Api.GetAsync(Items.Address)).Expect(200);
        (await Items.Api.SendAsync("PUT", "/v1/collections/half", null)).ExpectProblem(503, "shard-unavailable");
        await own.ServerOf("s1").StartAsync();
        await own.RecoversAsync("s1");

        Assert.True((await Items.Api.SendAsync("PUT", "/v1/collections/half", null)).Status is 200 or 201);
        foreach (var shard in Cluster.Shards)
            (await Items.Api.PutAsync($"/v1/collections/half/items/{Cluster.PartitionOf(shard.Id)}/x", "{}")).Expect(201);
    }

    [Fact]
    public async Task A_router_that_starts_while_a_shard_is_down_serves_the_others()
    {
        await own.ServerOf("s3").StopAsync(PostgresShutdown.Fast);
        await using var started = await Cluster.StartRouterAsync();
        var items = new ApiCollection(started.Api, Items.Name);

        (await items.GetAsync(Cluster.PartitionOf("s1"), "none")).ExpectProblem(404, "item-not-found");
        (await items.GetAsync(Cluster.PartitionOf("s3"), "none")).ExpectProblem(503, "shard-unavailable");
        await own.ServerOf("s3").StartAsync();

        await Eventually.ThatAsync(async () => (await items.GetAsync(Cluster.PartitionOf("s3"), "none")).Status == 404, TimeSpan.FromSeconds(5), "the new router serves s3");
        await own.RecoversAsync("s3");
    }

    [Fact]
    public async Task A_database_that_is_another_shard_is_not_used()
    {
        Cluster["s1"].Database.DataSource.Clear(); // connections from before a stop
        await Cluster["s1"].Database.ExecuteAsync("update sharding.cluster set shard_id = 's9'");
        await UnavailableAsync("s1");

        (await Items.PutAsync(Cluster.PartitionOf("s1"), "x", "{}")).ExpectProblem(503, "shard-unavailable");
        await Cluster["s1"].Database.ExecuteAsync("update sharding.cluster set shard_id = 's1'");

        await own.RecoversAsync("s1");
    }

    private static Task StopAsync(PostgresServer server, string how) => how switch
    {
        "fast" => server.StopAsync(PostgresShutdown.Fast),
        "immediate" => server.StopAsync(PostgresShutdown.Immediate),
        _ => server.KillAsync(),
    };

    private Task UnavailableAsync(string shard) => Eventually.ThatAsync(
        async () => (await Items.GetAsync(Cluster.PartitionOf(shard), "none")).Status == 503, Limit, $"the router notices {shard}");

    /// <summary>503 with Retry-After; or, of what was under way when the server went, an honest "unknown".</summary>
    private static void Explained(Exchange exchange) => Assert.True(
        exchange is { Status: 503, Code: "shard-unavailable", RetryAfter: not null } or { Status: 504, Code: "deadline-exceeded", Written: not null }, exchange.ToString());

    private async Task NothingIsLostAsync(string shard, string pk, IReadOnlyList<Exchange> exchanges)
    {
        var stored = await own.IdsAsync(shard, pk);
        foreach (var exchange in exchanges.Where(exchange => exchange.Pk == pk && exchange.Written is not null))
        {
            Assert.False(exchange.Status == 201 && !stored.Contains(exchange.Written!), $"Acknowledged and lost: {exchange}");
            Assert.False(exchange.Status == 503 && stored.Contains(exchange.Written!), $"Refused and applied: {exchange}");
        }
    }

    private static double Share(IEnumerable<Exchange> exchanges, Func<Exchange, bool> holds) => exchanges.Average(exchange => holds(exchange) ? 1 : 0);
}
