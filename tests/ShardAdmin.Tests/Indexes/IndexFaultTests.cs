using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Indexes;

/// <summary>Processes that die, shards that go away, and two that want different things at the same time.</summary>
public sealed class IndexFaultTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly string[] Create = ["indexes", "create", "c", "u", "t", "--unique"];

    [Theory]
    [InlineData("index-defined")]
    [InlineData("index-building")]
    [InlineData("index-built")]
    [InlineData("index-ready")]
    public async Task A_command_killed_at_any_step_is_completed_by_an_agent(string step)
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await cluster.KillAsync(Create, step);
        Assert.Equal("building", await cluster.StateAsync("u"));

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Fact]
    public async Task A_command_killed_in_the_middle_of_a_build_is_completed_by_the_same_command()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await using (await cluster.HoldBuildsAsync(2))
        {
            await using var process = AdminChild.Start(cluster, Create);
            await cluster.WaitsAsync(2);
            await process.KillAsync();
        }

        (await cluster.RunAsync(Create)).Succeeds("ready in all shards"); // what the dead process began ends in the server meanwhile

        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Fact]
    public async Task A_command_that_is_interrupted_says_what_goes_on()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await using (await cluster.HoldBuildsAsync(1))
        {
            using var interrupt = new CancellationTokenSource();
            var running = cluster.RunAsync(null, Create, interrupt: interrupt.Token);
            await cluster.WaitsAsync(1);
            await interrupt.CancelAsync();
            (await running).Fails(ExitCode.Interrupted, "is not ready yet", "shardadmin indexes build c u");
        }

        (await cluster.RunAsync("indexes", "build", "c", "u")).Succeeds("Ready in all shards");
        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Theory]
    [InlineData("index-unwanted")]
    public async Task A_drop_that_stopped_half_way_is_completed_by_an_agent(string step)
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        (await cluster.RunAsync(Create)).Succeeds();
        await cluster.KillAsync(["indexes", "drop", "c", "u", "--yes"], step);
        Assert.Equal("dropping", await cluster.StateAsync("u"));
        (await cluster.RunAsync(Create)).Fails(ExitCode.Conflict, "is being dropped", "indexes drop c u");

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await cluster.StateReachedAsync("u", null);
        await cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task A_failure_that_was_noted_and_not_ended_is_ended_by_an_agent_in_all_shards()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await IndexedCluster.PutTwinsAsync(cluster, 1);
        await cluster.KillAsync(Create, "index-given-up");

        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);

        await Eventually.ThatAsync(async () => await FailedAsync(1) && await FailedAsync(2), IndexedCluster.Limit, "it is failed in both");
        Assert.Equal((0L, 0L), (await cluster.RelationsAsync(1), await cluster.RelationsAsync(2)));

        Task<bool> FailedAsync(int number) =>
            cluster.Database(number).ScalarAsync<bool>("select state = 'failed' and problem like 'Two items%' from sharding.item_index");
    }

    [Fact]
    public async Task An_index_that_is_dropped_while_it_is_built_ends_the_build()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await using var agent = AdminChild.Start(cluster, IndexedCluster.Agent);
        Task<AdminRun> creating;
        await using (await cluster.HoldBuildsAsync(2))
        {
            creating = cluster.RunAsync(Create);
            await cluster.WaitsAsync(2);
            for (var number = 1; number <= 2; number++)
                Assert.True(await cluster.Database(number).ScalarAsync<bool>("select sharding.index_unwant('c', 'u', 'a router')"));
            await cluster.BuildEndsAsync(2);
        }

        (await creating).Fails(ExitCode.Conflict, "Somebody dropped the index");
        await cluster.StateReachedAsync("u", null);
        await cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task While_an_index_is_built_nobody_drops_its_definition()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await using var process = AdminChild.Start(cluster, Create);
        await using (await cluster.HoldBuildsAsync(1))
        {
            await cluster.WaitsAsync(1);
            process.Pause(); // it does not notice
            await cluster.Database(1).ScalarAsync<bool>("select sharding.index_unwant('c', 'u', 'a router')");

            var refused = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => cluster.Database(1).ExecuteAsync("select sharding.index_drop('c', 'u', 'a router')"));

            Assert.Equal("55P03", refused.SqlState);
        }

        process.Resume();
        await process.WaitForExitAsync(IndexedCluster.Limit);
        await cluster.AssertGoneAsync(2);
    }

    [Fact]
    public async Task A_build_that_waits_says_for_what_and_goes_on()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        await using var creating = AdminChild.Start(cluster, ["indexes", "create", "c", "by_n", "n"]);
        await using (await cluster.HoldBuildsAsync(2))
        {
            await cluster.WaitsAsync(2);
            await Eventually.ThatAsync(async () => (await cluster.LineAsync("by_n")).GetProperty("progress").GetDouble() > 0.9, IndexedCluster.Limit, "progress is noted");
            var line = await cluster.LineAsync("by_n");
            Assert.Equal("building", line.GetProperty("state").GetString());
            Assert.Contains("waits for older transactions", line.GetProperty("problem").GetString(), StringComparison.Ordinal);
            Assert.Equal(["s2"], line.GetProperty("notIn").EnumerateArray().Select(id => id.GetString()!));
            await Eventually.ThatAsync(
                () => Task.FromResult(creating.Output.Contains("s2 waits for older transactions, such as a move or a long query", StringComparison.Ordinal)),
                IndexedCluster.Limit, "the command says what it waits for");
        }

        await creating.WaitForExitAsync(IndexedCluster.Limit);
        Assert.Equal(0, creating.ExitCode);
        await cluster.AssertReadyAsync(2, "by_n", "c.by_n");
    }

    [Fact]
    public async Task A_build_beside_a_move_ends_and_both_shards_have_the_index()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 2000, docBytes: 20_000);
        var (operation, moving) = await cluster.BeginCopyingAsync(1);

        (await cluster.RunAsync("indexes", "create", "c", "by_t", "t")).Succeeds("ready in all shards");

        (await moving).Succeeds();
        await cluster.StateReachedAsync(operation, "done", IndexedCluster.Limit);
        await cluster.AssertReadyAsync(2, "by_t", "c.by_t");
        (await cluster.RunAsync("verify")).Succeeds();
    }

    [Fact]
    public async Task A_collection_that_is_deleted_while_its_index_is_built_goes_all_the_same()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        Task<AdminRun> creating;
        await using (await cluster.HoldBuildsAsync(1))
        {
            creating = cluster.RunAsync("indexes", "create", "c", "by_n", "n");
            await cluster.WaitsAsync(1);
            await cluster.Database(1).ExecuteAsync("select sharding.collection_mark('c')");
            await cluster.BuildEndsAsync(1);
        }

        (await cluster.RunAsync("collections", "delete", "c", "--yes")).Succeeds("was deleted");
        (await creating).Fails(ExitCode.Conflict, "Somebody dropped");
        Assert.Equal(0L, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.item_index"));
    }

    [Fact]
    public async Task Of_two_processes_one_builds_in_a_shard_and_both_end_well()
    {
        await using var cluster = await IndexedCluster.StartAsync(postgres, redis);
        Task<AdminRun> first, second;
        await using (await cluster.HoldBuildsAsync(1))
        {
            first = cluster.RunAsync(Create);
            await cluster.WaitsAsync(1);
            second = cluster.RunAsync(Create);
            await Task.Delay(2500, TestContext.Current.CancellationToken);
            Assert.Equal(1L, await cluster.Database(1).ScalarAsync<long>("select count(*) from pg_stat_progress_create_index where datname = current_database()"));
        }

        (await first).Succeeds("ready in all shards");
        (await second).Succeeds("ready in all shards");
        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }

    [Fact]
    public async Task A_shard_that_goes_away_during_a_build_is_waited_for()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        cluster.Adopt(await server.CreateDatabaseAsync());
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await IndexedCluster.FillAsync(cluster, 1, 100);
        await IndexedCluster.FillAsync(cluster, 2, 100);
        Task<AdminRun> creating;
        await using (await cluster.HoldBuildsAsync(2))
        {
            creating = cluster.RunAsync(Create);
            await cluster.WaitsAsync(2);
            await server.StopAsync(PostgresShutdown.Fast);
        }
        await Task.Delay(1500, TestContext.Current.CancellationToken);
        Assert.False(creating.IsCompleted);

        await server.StartAsync();

        (await creating).Succeeds("ready in all shards");
        cluster.Database(2).DataSource.Clear();
        await cluster.AssertReadyAsync(2, "u", "c.u c.u.u");
    }
}
