using System.Diagnostics;
using ShardAdmin.Failures;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardAdmin.Tests.Cluster;

public sealed class StatusAndFaultTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task Status_is_ok_once_a_router_has_the_ring_and_says_why_it_is_not()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        Assert.Equal("down", (await cluster.RunAsync("status", "-o", "json")).Json.GetProperty("verdict").GetString());

        await RegisterAsync(cluster, "r1", epoch: 1);
        (await cluster.RunAsync("status")).Succeeds("ok: cluster", "r1", "current");

        await cluster.NewDatabaseAsync();
        var adding = await cluster.RunAsync(cluster.AddArguments(3));
        adding.Succeeds();
        Assert.Contains("do not know epoch", adding.Error, StringComparison.Ordinal);
        var behind = await cluster.RunAsync("status", "-o", "json");
        Assert.Equal(ExitCode.Precondition, behind.Exit);
        Assert.Equal("degraded", behind.Json.GetProperty("verdict").GetString());
        Assert.False(behind.Json.GetProperty("ok").GetBoolean());
        Assert.Equal((await cluster.RingAsync())!.Epoch.Value - 1, (await cluster.RunAsync("routers", "-o", "json")).Succeeds().Json.GetProperty("routers")[0].GetProperty("behind").GetInt64());
    }

    [Fact]
    public async Task Items_of_a_large_table_are_estimated_and_a_tilde_says_so()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.InsertItemAsync(2, "FR");
        await cluster.Database(1).ExecuteAsync(
            """
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select 1, now(), 0, 'c', 'p', lpad(i::text, 200, '0'), '{}' from generate_series(1, 40000) i;
            analyze sharding.item
            """);

        var shards = (await cluster.RunAsync("status", "-o", "json")).Json.GetProperty("shards");
        Assert.True(shards[0].GetProperty("itemsAreEstimated").GetBoolean());
        Assert.False(shards[1].GetProperty("itemsAreEstimated").GetBoolean());
        Assert.Equal(1, shards[1].GetProperty("items").GetInt64());
        Assert.Matches(" ~[0-9]{2},[0-9]{3} ", (await cluster.RunAsync("status")).Out);
    }

    [Fact]
    public async Task A_shard_that_is_down_is_named_by_every_command_that_needs_it_and_nothing_is_changed()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var dying = await server.CreateDatabaseAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        (await cluster.RunAsync("init", "--shard", $"s1={cluster.Database(1).Address}", "--shard", $"s2={dying.Address}")).Succeeds();
        await RegisterAsync(cluster, "r1", epoch: 1);
        var ring = await cluster.RingTextAsync();
        var newcomer = await cluster.NewDatabaseAsync();
        string[] join = ["add-shard", "s3", "--host", newcomer.Host, "--port", $"{newcomer.Port}", "--database", newcomer.Name];
        await server.KillAsync();

        var status = await cluster.RunAsync("status", "-o", "json");
        Assert.Equal((ExitCode.CannotReach, "degraded"), (status.Exit, status.Json.GetProperty("verdict").GetString()));
        var doctor = await cluster.RunAsync("doctor");
        Assert.Equal(ExitCode.CannotReach, doctor.Exit);
        Assert.Contains("Shard s2", doctor.Out, StringComparison.Ordinal);
        foreach (var command in new string[][] { ["verify"], ["migrate"], ["ring", "rebuild"], ["collections", "list"], ["collections", "create", "c"], join })
            (await cluster.RunAsync(command)).Fails(ExitCode.CannotReach, "Shard s2 at " + dying.Address);
        (await cluster.RunAsync("ring", "show")).Succeeds("s2");

        Assert.Equal(ring, await cluster.RingTextAsync());
        Assert.Equal(0, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.collection"));
    }

    [Fact]
    public async Task A_hanging_shard_is_as_good_as_dead_after_3_seconds()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var hanging = await server.CreateDatabaseAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        (await cluster.RunAsync("init", "--shard", $"s1={cluster.Database(1).Address}", "--shard", $"s2={hanging.Address}")).Succeeds();
        await server.PauseAsync();

        var clock = Stopwatch.StartNew();
        (await cluster.RunAsync("verify")).Fails(ExitCode.CannotReach, "Shard s2");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(8));

        clock.Restart();
        (await cluster.RunAsync("verify", "--timeout", "500ms")).Fails(ExitCode.TimedOut, "--timeout");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(6)); // at most a connection attempt over it
        await server.ResumeAsync();
    }

    [Fact]
    public async Task An_interruption_exits_130_and_says_what_was_left()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        using var interrupt = new CancellationTokenSource();
        var watching = cluster.RunAsync(null, ["status", "--watch"], interrupt: interrupt.Token);
        await interrupt.CancelAsync();

        (await watching).Fails(ExitCode.Interrupted, "Interrupted", "Nothing was changed");
    }

    [Fact]
    public async Task Migrate_tells_versions_and_refuses_a_schema_that_somebody_changed()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("migrate")).Succeeds("up to date");
        await cluster.Database(2).ExecuteAsync("create index by_hand on sharding.item (updated_at)");

        foreach (var arguments in new string[][] { ["migrate"], ["migrate", "--dry-run"] })
        {
            var run = await cluster.RunAsync([.. arguments, "-o", "json"]);
            Assert.Equal(ExitCode.Precondition, run.Exit);
            Assert.Equal(["upToDate", "drift"], run.Json.GetProperty("shards").EnumerateArray().Select(shard => shard.GetProperty("state").GetString()!));
        }
        Assert.Equal(ExitCode.Precondition, (await cluster.RunAsync("doctor")).Exit);
    }

    [Fact]
    public async Task Where_tells_the_slot_and_shard_and_history_who_published_what_and_why()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);

        var where = (await cluster.RunAsync("ring", "where", "FR", "-o", "json")).Succeeds().Json;
        Assert.Equal((5127, "s1", 1), (where.GetProperty("slot").GetInt32(), where.GetProperty("shard").GetString(), where.GetProperty("epoch").GetInt32()));
        (await cluster.RunAsync("ring", "history")).Succeeds("init", Environment.UserName);
        Assert.Equal(await cluster.RingTextAsync(), (await cluster.RunAsync("ring", "export")).Succeeds().Out.TrimEnd());
    }

    [Fact]
    public async Task Every_result_in_json_is_one_document_and_in_ndjson_a_line_each()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        string[][] commands =
        [
            ["status"], ["verify"], ["doctor"], ["routers"], ["queries"], ["migrate"],
            ["ring", "show"], ["ring", "history"], ["ring", "rebuild"],
            ["collections", "list"], ["collections", "create", "c"], cluster.InitArguments(2),
        ];
        foreach (var command in commands)
        {
            Assert.Equal(System.Text.Json.JsonValueKind.Object, (await cluster.RunAsync([.. command, "-o", "json"])).Json.ValueKind);
            foreach (var line in (await cluster.RunAsync([.. command, "-o", "ndjson"])).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Assert.Equal(System.Text.Json.JsonValueKind.Object, System.Text.Json.JsonDocument.Parse(line).RootElement.ValueKind);
        }
    }

    private static Task<bool> RegisterAsync(AdminCluster cluster, string id, long epoch) => cluster.InRedisAsync(async (connection, _) =>
    {
        await new RouterRegistry(connection, new RedisKeys(cluster.Name)).WriteAsync(
            new RouterHeartbeat(id, "http://r", "http://o", 1, epoch, "0.1.0", 0, false, DateTimeOffset.UtcNow), default);
        // Tests take their time; a heartbeat that is not repeated would expire.
        return await connection.CallAsync(database => database.KeyPersistAsync(new RedisKeys(cluster.Name).Router(id)), default);
    });
}
