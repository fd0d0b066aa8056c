using TestCluster;

namespace ShardAdmin.Tests.Indexes;

/// <summary>Shards that come back without their last commits contradict the others; an agent makes them one again.</summary>
public sealed class IndexLostCommitsTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly string[] Create = ["indexes", "create", "c", "u", "t", "--unique"];

    [Theory]
    [InlineData("delete from sharding.item_index", "drop index sharding_items.\"c.u\", sharding_items.\"c.u.u\"")]
    [InlineData("update sharding.item_index set state = 'building', progress = 0.5", "drop index sharding_items.\"c.u.u\"")]
    [InlineData("select 1", "drop index sharding_items.\"c.u\"")]
    public async Task What_a_takeover_has_lost_is_built_again(string lostDefinition, string lostIndex)
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync(Create)).Succeeds();
        foreach (var number in new[] { 1, 2 })
            await cluster.Database(number).ExecuteAsync("update sharding.item_index set created_at = '2026-01-01'");
        await cluster.Database(2).ExecuteAsync(lostIndex);
        await cluster.Database(2).ExecuteAsync(lostDefinition);
        Assert.Equal("building", await cluster.StateAsync("u"));
        Assert.Equal(["s2"], (await cluster.LineAsync("u")).GetProperty("notIn").EnumerateArray().Select(id => id.GetString()!));

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Fact]
    public async Task A_mark_that_one_shard_lost_does_not_bring_the_index_back()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync(Create)).Succeeds();
        await cluster.Database(1).ExecuteAsync("update sharding.item_index set state = 'dropping'");

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.StateReachedAsync("u", null);
        await cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task A_drop_that_one_shard_lost_does_not_bring_the_index_back()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync(Create)).Succeeds();
        (await cluster.RunAsync("indexes", "drop", "c", "u", "--yes")).Succeeds();
        await cluster.Database(2).ExecuteAsync("update sharding.item_index set state = 'ready'; create index \"c.u\" on sharding_items.c (pk)");
        Assert.Equal("dropping", await cluster.StateAsync("u"));

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.StateReachedAsync("u", null);
        await cluster.AssertGoneAsync(2);
    }

    /// <summary>The index was dropped and made anew with another field. A shard that lost that has the first one, or its mark.</summary>
    [Theory]
    [InlineData("ready")]
    [InlineData("dropping")]
    [InlineData("dropped")]
    public async Task A_shard_that_lost_a_later_definition_gets_it_in_place_of_its_own(string state)
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync("indexes", "create", "c", "i", "n")).Succeeds();
        var first = await cluster.Database(2).ScalarAsync<string>("select format('fields = %L, created_at = %L', fields, created_at) from sharding.item_index");
        (await cluster.RunAsync("indexes", "drop", "c", "i", "--yes")).Succeeds();
        (await cluster.RunAsync("indexes", "create", "c", "i", "t")).Succeeds();
        foreach (var number in new[] { 1, 2 })
            await cluster.Database(number).ExecuteAsync("update sharding.item_index set created_at = created_at - interval '1 h'");
        await cluster.Database(2).ExecuteAsync($"update sharding.item_index set {first}; update sharding.item_index set state = '{state}', created_at = created_at - interval '1 h'");

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.AssertReadyAsync(2, "i", "c.i");
        foreach (var number in new[] { 1, 2 })
        {
            Assert.Equal("t", await cluster.Database(number).ScalarAsync<string>("select fields #>> '{0,path}' from sharding.item_index"));
            Assert.Contains("'{t}'", await cluster.Database(number).ScalarAsync<string>("select pg_get_indexdef('sharding_items.\"c.i\"'::regclass)"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Definitions_that_differ_are_left_to_a_person()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync("indexes", "create", "c", "by_n", "n")).Succeeds();
        await cluster.Database(2).ExecuteAsync("""update sharding.item_index set fields = '[{"path": "t", "steps": ["t"], "type": null, "dir": "asc"}]'""");
        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await Eventually.ThatAsync(() => agent.Output.Contains("different definitions", StringComparison.Ordinal), IndexedCluster.Limit, "the agent says so");

        Assert.Equal("failed", (await cluster.FindingAsync()).GetProperty("level").GetString());
        Assert.Equal("differs", await cluster.StateAsync("by_n"));
        (await cluster.RunAsync("indexes", "drop", "c", "by_n", "--yes")).Succeeds();
        await cluster.AssertGoneAsync(2);
    }
}
