using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Source and target of a move that do not fit together: what people are told, and how they end it.</summary>
public sealed class SettleTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string GoneSql = "with gone as (delete from sharding.item returning 1) select count(*) from gone";

    [Fact]
    public async Task Rows_that_are_missing_at_the_target_are_never_deleted_at_the_source_and_every_command_names_the_one_that_settles_it()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var (id, rows) = await LoseRowsAsync(cluster);

        for (var attempt = 1; attempt <= 2; attempt++)
            (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.Differences, "differ in the slots", $"shardadmin ops settle {id}");
        (await cluster.RunAsync("ops", "cancel", id)).Fails(ExitCode.Differences, $"shardadmin ops settle {id}");
        (await cluster.RunAsync("doctor", "-o", "json")).Exits(ExitCode.Precondition, "disputed-moves", $"shardadmin ops settle {id}");
        (await cluster.RunAsync("status", "-o", "json")).Exits(ExitCode.Precondition, "disputed", $"shardadmin ops settle {id}");
        (await cluster.RunAsync("verify", "-o", "json")).Exits(ExitCode.Differences, "disputed");
        (await cluster.RunAsync("ops", "list")).Succeeds("disputed");
        Assert.Equal(rows, await CountAsync(cluster, 1));

        var shown = (await cluster.RunAsync("ops", "settle", id, "-o", "json")).Exits(ExitCode.Differences).Json.GetProperty("batches")[0];
        Assert.Equal((rows, 0L, rows), (shown.GetProperty("rowsAtSource").GetInt64(), shown.GetProperty("rowsAtTarget").GetInt64(), shown.GetProperty("onlyAtSource").GetInt64()));
        (await cluster.RunAsync("ops", "settle", id, "--keep", "source", "--dry-run")).Succeeds("Nothing was changed");
        Assert.Equal(rows, await CountAsync(cluster, 1));
    }

    [Fact]
    public async Task Who_keeps_the_source_has_its_rows_and_slots_back()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var (id, rows) = await LoseRowsAsync(cluster);
        (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.Differences);

        (await cluster.RunAsync("ops", "settle", id, "--keep", "source")).Fails(ExitCode.Usage, "--yes");
        (await cluster.RunAsync("ops", "settle", id, "--keep", "source", "--yes")).Succeeds("Settled: 1 batch");

        Assert.Equal(rows, await CountAsync(cluster, 1));
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
        (await cluster.RunAsync("verify")).Succeeds("ok");
        Assert.Equal("cancelled", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
        (await cluster.RunAsync("ops", "settle", id, "--keep", "source", "--yes")).Fails(ExitCode.NotFound, "No batch");
    }

    [Fact]
    public async Task Who_keeps_the_target_ends_the_move_and_the_sources_rows_go()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var (id, _) = await LoseRowsAsync(cluster);
        (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.Differences);

        (await cluster.RunAsync("ops", "settle", id, "--keep", "target", "--yes")).Succeeds("Settled: 1 batch");

        Assert.Equal(0L, await CountAsync(cluster, 1));
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
        Assert.Equal("done", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Misuse_is_refused()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("ops", "settle")).Fails(ExitCode.Usage);
        (await cluster.RunAsync("ops", "settle", "nonsense")).Fails(ExitCode.Usage, "UUID");
        (await cluster.RunAsync("ops", "settle", $"{Guid.NewGuid()}", "--keep", "both")).Fails(ExitCode.Usage);
        (await cluster.RunAsync("ops", "settle", $"{Guid.NewGuid()}")).Fails(ExitCode.NotFound, "ops show");
    }

    /// <summary>As after a restored backup: the shard owns what it gave away, and its journal knows nothing of it.</summary>
    [Fact]
    public async Task A_source_that_forgot_a_whole_move_releases_again_when_somebody_resumes()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var slots = await MoveAllOfFirstAsync(cluster);
        await ForgetAsync(cluster);
        (await cluster.RunAsync("doctor", "-o", "json")).Exits(ExitCode.Precondition, "s1 lost the commits that", "shardadmin ops resume");
        (await cluster.RunAsync("ring", "rebuild", "--dry-run")).Fails(ExitCode.Precondition, "at once");

        (await cluster.RunAsync("ops", "resume")).Succeeds($"{slots:N0} slots");

        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task The_only_owner_that_answers_is_not_believed_if_it_may_have_forgotten_that_it_gave_slots_away()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds();
        (await cluster.RunAsync("move", "0-99", "--to", "s2", "--yes", "--rate", "none")).Succeeds();
        await cluster.Database(1).ExecuteAsync("update sharding.slot_ownership set state = 'owned', epoch = 1, peer = null where slot < 100");
        (await cluster.RunAsync("move", "200-255", "--to", "s3", "--yes", "--detach")).Succeeds();
        await server.StopAsync(PostgresShutdown.Fast);

        await cluster.RunAsync("agent", "--timeout", "15s", "--interval", "500ms", "--rate", "none");

        await server.StartAsync();
        var ring = (await cluster.RingAsync())!;
        Assert.All(Enumerable.Range(0, 100), slot => Assert.Equal(MovingCluster.Second, ring.OwnerOf(new Slot(slot)).Id));
        Assert.Equal(new ShardId("s3"), ring.OwnerOf(new Slot(200)).Id); // it did publish
        (await cluster.RunAsync("ops", "resume")).Succeeds();
        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task A_collection_is_not_deleted_while_a_move_stands_in_a_journal_nor_is_a_move_begun_while_one_is_deleted()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "d")).Succeeds();
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes", "--detach")).Succeeds();
        (await cluster.RunAsync("collections", "delete", "d", "--yes")).Fails(ExitCode.Conflict, "while no slot moves");
        (await cluster.RunAsync("ops", "cancel", await cluster.OperationAsync())).Succeeds();

        (await cluster.RunAsync("marked", ["collections", "delete", "d", "--yes"])).Fails(ExitCode.Failed);
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes")).Fails(ExitCode.Failed, "is being deleted");
        (await cluster.RunAsync("collections", "delete", "d", "--yes")).Succeeds();
        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes", "--rate", "none")).Succeeds();
    }

    /// <summary>All rows of the batch are deleted at the target after the release.</summary>
    private static async Task<(string Operation, long Rows)> LoseRowsAsync(AdminCluster cluster)
    {
        await cluster.FillAsync(1, 300);
        var rows = await CountAsync(cluster, 1);
        var slots = await cluster.Database(1).ScalarAsync<string>("select string_agg(distinct slot::text, ',') from sharding.item");
        (await cluster.RunAsync("move-own", ["move", slots!, "--to", "s2", "--yes", "--rate", "none", "--batch", "1024"])).Fails(ExitCode.Failed);
        Assert.Equal(rows, await cluster.Database(2).ScalarAsync<long>(GoneSql));
        return (await cluster.OperationAsync(), rows);
    }

    private static async Task<int> MoveAllOfFirstAsync(AdminCluster cluster)
    {
        await cluster.FillAsync(1, 100);
        var ring = (await cluster.RingAsync())!;
        var slots = ring.SlotsOf(ring.Shards[0].Id).Take(600).ToArray();
        (await cluster.RunAsync("move", string.Join(',', slots), "--to", "s2", "--yes", "--rate", "none")).Succeeds();
        return slots.Length;
    }

    private static Task ForgetAsync(AdminCluster cluster) => cluster.Database(1).ExecuteAsync("update sharding.slot_ownership set state = 'owned', epoch = 1, peer = null where state = 'released'");

    private static Task<long> CountAsync(AdminCluster cluster, int shard) => cluster.Database(shard).ScalarAsync<long>("select count(*) from sharding.item");
}
