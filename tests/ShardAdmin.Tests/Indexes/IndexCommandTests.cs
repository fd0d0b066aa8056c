using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Indexes;

public sealed class IndexCommandTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task An_index_is_made_in_all_shards_listed_and_dropped()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync("indexes", "list")).Succeeds("no index yet");

        (await cluster.RunAsync("indexes", "create", "c", "by_n", "n:number:desc", "t", "--dry-run")).Succeeds("Nothing was changed");
        Assert.Equal(0L, await cluster.RelationsAsync(1));
        var made = (await cluster.RunAsync("indexes", "create", "c", "by_n", "n:number:desc", "t", "-o", "json")).Succeeds();
        Assert.Equal("ready", made.Json.GetProperty("outcome").GetString());
        (await cluster.RunAsync("indexes", "create", "c", "by_n", "n:number:desc", "t")).Succeeds("is ready in all shards");

        await cluster.AssertReadyAsync(2, "by_n", "c.by_n");
        var line = await cluster.LineAsync("by_n");
        Assert.Equal(["n:number:desc", "t"], line.GetProperty("fields").EnumerateArray().Select(field => field.GetString()!));
        Assert.Equal(1, line.GetProperty("progress").GetDouble());
        Assert.True(line.GetProperty("bytes").GetInt64() > 0);
        Assert.Empty(line.GetProperty("notIn").EnumerateArray());
        (await cluster.RunAsync("indexes", "list", "c")).Succeeds("by_n", "n:number:desc t", "100.0 %");
        (await cluster.RunAsync("indexes", "build")).Succeeds("nothing to build");
        Assert.True(await cluster.Database(1).ScalarAsync<bool>("select count(*) > 0 from pg_stats where schemaname = 'sharding_items' and tablename = 'c.by_n'"));

        (await cluster.RunAsync("indexes", "drop", "c", "by_n")).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        (await cluster.RunAsync("indexes", "drop", "c", "by_n", "--dry-run")).Succeeds("would be dropped");
        (await cluster.RunAsync("indexes", "drop", "c", "by_n", "--yes")).Succeeds("was dropped");
        (await cluster.RunAsync("indexes", "drop", "c", "by_n", "--yes")).Fails(ExitCode.NotFound, "no index by_n");
        await cluster.AssertGoneAsync(2);
        var audit = (await cluster.RunAsync("audit", "-o", "json")).Succeeds().Out;
        foreach (var what in new[] { "is defined", "is built here", "is built in all shards", "is to be dropped", "is gone" })
            Assert.Contains($"index by_n of collection c {what}", audit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_is_told_before_anything_is_changed()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);

        (await cluster.RunAsync("indexes", "create", "c", "By", "n")).Fails(ExitCode.Usage, "'By' is not a name of an index");
        (await cluster.RunAsync("indexes", "create", "c", "pkey", "n")).Fails(ExitCode.Usage, "not pkey");
        (await cluster.RunAsync("indexes", "create", "c", "i", "n:numbr")).Fails(ExitCode.Usage, "'n:numbr' is not a field");
        (await cluster.RunAsync("indexes", "create", "c", "i", "a..b")).Fails(ExitCode.Usage, "'a..b' is not a field");
        (await cluster.RunAsync("indexes", "create", "c", "i", "a", "b", "c", "d")).Fails(ExitCode.Usage);
        (await cluster.RunAsync("indexes", "create", "c", "i", "a.b", "/a/b")).Fails(ExitCode.Usage, "named twice");
        (await cluster.RunAsync("indexes", "create", "d", "i", "n")).Fails(ExitCode.NotFound, "no collection d");
        (await cluster.RunAsync("indexes", "list", "d")).Fails(ExitCode.NotFound, "no collection d");
        (await cluster.RunAsync("indexes", "build", "c", "i")).Fails(ExitCode.NotFound, "no index i");
        await cluster.AssertGoneAsync(2);

        (await cluster.RunAsync("indexes", "create", "c", "i", "n")).Succeeds();
        (await cluster.RunAsync("indexes", "create", "c", "i", "t")).Fails(ExitCode.Conflict, "with other fields", "indexes drop c i");
        (await cluster.RunAsync("indexes", "create", "c", "i", "n", "--unique")).Fails(ExitCode.Conflict, "another uniqueness");
        for (var number = 2; number <= 10; number++)
            (await cluster.RunAsync("indexes", "create", "c", $"i{number}", "n")).Succeeds();
        (await cluster.RunAsync("indexes", "create", "c", "i11", "n")).Fails(ExitCode.Precondition, "ten indexes");
    }

    [Fact]
    public async Task A_unique_index_refuses_a_value_twice_in_a_partition_only()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync("indexes", "create", "c", "u", "t", "--unique")).Succeeds("ready in all shards");
        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");

        await cluster.Database(1).ExecuteAsync("""
            insert into sharding.item select 1, now(), null, slot, 'c', pk, 'other', '{"t": "new"}' from sharding.item where collection = 'c' order by pk limit 2
            """);
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => cluster.Database(1).ExecuteAsync("""
            insert into sharding.item select 1, now(), null, slot, 'c', pk, 'third', '{"t": "new"}' from sharding.item where collection = 'c' order by pk limit 1
            """));
    }

    [Fact]
    public async Task A_build_that_fails_in_one_shard_is_dropped_in_all_and_says_why_without_a_value()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await IndexedCluster.PutTwinsAsync(cluster, 2);

        var failed = (await cluster.RunAsync("indexes", "create", "c", "u", "t", "--unique"))
            .Fails(ExitCode.Failed, "Two items of one partition have the same value in shard s2", "indexes build c u");

        Assert.DoesNotContain("secret-value", failed.Error + failed.Out, StringComparison.Ordinal);
        var line = await cluster.LineAsync("u");
        Assert.Equal("failed", line.GetProperty("state").GetString());
        Assert.Contains("same value in shard s2", line.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal((0L, 0L), (await cluster.RelationsAsync(1), await cluster.RelationsAsync(2)));
        var finding = await cluster.FindingAsync();
        Assert.Equal("failed", finding.GetProperty("level").GetString());
        Assert.Contains("shardadmin indexes build c u", finding.GetProperty("mend").GetString(), StringComparison.Ordinal);
        (await cluster.RunAsync("status")).Exits(ExitCode.Precondition, "c u failed");

        await cluster.Database(2).ExecuteAsync("delete from sharding.item where id = 'twin2'");
        (await cluster.RunAsync("indexes", "build", "c", "u")).Succeeds("Ready in all shards: c u");
        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Fact]
    public async Task An_item_that_is_too_large_for_an_index_is_told_as_such()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await cluster.Database(1).ExecuteAsync("""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 1, now(), slot, 'c', pk, 'large', jsonb_build_object('a', x, 'b', x, 'd', x)
            from (select slot, pk, (select string_agg(chr(20000 + (random() * 20000)::int), '') from generate_series(1, 256)) as x
                  from sharding.item where collection = 'c' limit 1) one
            """);

        (await cluster.RunAsync("indexes", "create", "c", "large", "a", "b", "d")).Succeeds("ready"); // 3 × 256 characters, 2.3 KiB
        (await cluster.RunAsync("indexes", "drop", "c", "large", "--yes")).Succeeds();
        await cluster.Database(1).ExecuteAsync("""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 1, now(), slot, 'c', pk, left(doc ->> 'a', 150), doc from sharding.item where id = 'large'
            """);
        (await cluster.RunAsync("indexes", "create", "c", "large", "a", "b", "d")).Fails(ExitCode.Failed, "too large for an index, in shard s1", "about 2,600 bytes");
        Assert.Equal((0L, 0L), (await cluster.RelationsAsync(1), await cluster.RelationsAsync(2)));
    }

    [Fact]
    public async Task While_slots_move_no_unique_index_is_made_and_nothing_is_left_of_the_attempt()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes", "--detach")).Succeeds();

        (await cluster.RunAsync("indexes", "create", "c", "u", "t", "--unique")).Fails(ExitCode.Conflict, "only be made while no slot moves", "ops list");

        await cluster.AssertGoneAsync(2);
        (await cluster.RunAsync("indexes", "create", "c", "by_n", "n")).Succeeds("ready in all shards");
    }

    [Fact]
    public async Task A_detached_index_waits_for_an_agent_and_says_so()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);

        var detached = (await cluster.RunAsync("indexes", "create", "c", "by_n", "n", "--detach")).Succeeds("an agent builds it");

        Assert.Contains("No agent runs", detached.Error, StringComparison.Ordinal);
        Assert.Contains("Nobody builds it", (await cluster.LineAsync("by_n")).GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal("warning", (await cluster.FindingAsync()).GetProperty("level").GetString());
        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);
        await cluster.AssertReadyAsync(2, "by_n", "c.by_n");
        await Eventually.ThatAsync(() => agent.Output.Contains("index: by_n of the collection c: ready in all shards", StringComparison.Ordinal), IndexedCluster.Limit, "the agent says so");
    }

    [Fact]
    public async Task What_no_definition_has_is_told_by_doctor()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await cluster.Database(2).ExecuteAsync("create index \"c.stray\" on sharding_items.c (version)");

        var finding = await cluster.FindingAsync();

        Assert.Equal("warning", finding.GetProperty("level").GetString());
        Assert.Contains("s2: no definition has the index c.stray", finding.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Contains("drop index concurrently", finding.GetProperty("mend").GetString(), StringComparison.Ordinal);
    }
}
