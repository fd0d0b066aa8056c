using System.Text.Json;
using ShardAdmin.Backups;
using ShardAdmin.Tests.Moves;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>What a backup point holds, for how long, what it writes down, and when there is none.</summary>
public sealed class BackupPointTests(SharedPostgres postgres, SharedRedis redis) : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("backup-point-").FullName, "point.json");

    [Fact]
    public async Task The_document_has_the_ring_and_of_each_shard_its_place_in_the_log_and_its_slots()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 3);
        (await cluster.RunAsync("move", "0-99", "--to", "s2", "--yes")).Succeeds();

        (await PointAsync(cluster, "first")).Succeeds("Backup point first", "hand-overs were held for");

        var document = BackupPointDocument.Read(await File.ReadAllTextAsync(_file), _file);
        Assert.Equal(await cluster.RingTextAsync(), document.Ring);
        Assert.Equal(["s1", "s2", "s3"], document.Shards.Select(shard => shard.Id));
        var second = document.Shards[1];
        Assert.Contains(second.Owned, owned => owned is { Slots: "0-99", Epoch: 2 });
        Assert.Equal(second.Lsn, await cluster.Database(2).ScalarAsync<string>("select lsn::text from sharding.backup_point where name = "
            + "'first'"));
        Assert.Equal(second.System, await cluster.Database(2).ScalarAsync<string>("select system_identifier::text from "
            + "pg_control_system()"));
        Assert.Single(document.Shards.Select(shard => shard.Lsn).Distinct()); // the databases are of one server
        Assert.Empty(document.Unfinished);
    }

    [Fact]
    public async Task Status_and_doctor_show_the_last_point_and_whether_shards_came_or_went_since()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 1);
        (await cluster.RunAsync("doctor")).Succeeds("None was made yet");
        (await PointAsync(cluster, "nightly")).Succeeds();
        Assert.Contains("last backup point: nightly, ", (await cluster.RunAsync("status")).Out, StringComparison.Ordinal);
        Assert.Equal("ok", await LevelAsync(cluster));
        Assert.Equal(
            "nightly", (await cluster.RunAsync("status", "-o", "json")).Json.GetProperty("backupPoint").GetProperty("name").GetString());

        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds();

        Assert.Equal("warning", await LevelAsync(cluster));
        Assert.Contains("before s2 joined", (await cluster.RunAsync("doctor")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_is_used_once_and_a_file_is_never_overwritten()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await PointAsync(cluster, "nightly")).Succeeds();
        var before = await File.ReadAllTextAsync(_file);

        (await PointAsync(cluster, "other")).Fails(ExitCode.Conflict, "is there already");
        (await cluster.RunAsync("backup", "point", "nightly", "--out", _file + ".2"))
            .Fails(ExitCode.Conflict, "The name nightly is used", "ANOTHER-NAME");
        (await cluster.RunAsync("backup", "point", "no/slash")).Fails(ExitCode.Usage, "no/slash");
        (await cluster.RunAsync("backup", "point", "other", "--out", "/nowhere/point.json")).Fails(ExitCode.Failed, "cannot be written");

        Assert.Equal(before, await File.ReadAllTextAsync(_file));
        Assert.False(File.Exists(_file + ".2"));
        Assert.Equal(0L, await PointsAsync(cluster, "other"));
    }

    [Fact]
    public async Task Shards_that_do_not_answer_or_are_standbys_are_named_and_nothing_is_made()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        await server.StopAsync(PostgresShutdown.Fast);

        (await PointAsync(cluster, "nightly")).Fails(ExitCode.CannotReach, "Shard s2", "Nothing was changed");

        Assert.Equal(0L, await PointsAsync(cluster, "nightly"));
        Assert.False(File.Exists(_file));
        await server.StartAsync();
        await using var standby = await server.StartStandbyAsync("b");
        var ring = (await cluster.RingAsync())!;
        var shards = ring.Shards.Select(shard => shard.Id == MovingCluster.Second ? new Shard(shard.Id, standby.Server.Host, standby.Server.Port, shard.Database) : shard);
        await cluster.InRedisAsync(
            (_, rings) => rings.PublishAsync(
                ShardRing.Create(ring.Cluster, ring.Epoch.Next(), shards, ring.Owners), ring.Epoch, "test", "test", default));
        (await PointAsync(cluster, "nightly"))
            .Fails(ExitCode.Precondition, $"Shard s2 at 127.0.0.1:{standby.Server.Port}", "is a standby", "Nothing was changed");
    }

    [Fact]
    public async Task A_user_without_the_rights_is_told_what_to_grant()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 1);
        await cluster.Database(1).ExecuteAsync("""
            create role backup_user login;
            grant usage on schema sharding to backup_user; grant all on all tables in schema sharding to backup_user
            """);
        try
        {
            await using var process = AdminChild.Start(cluster, ["backup", "point", "nightly", "--out", _file], user: "backup_user");
            await process.WaitForExitAsync(Limit);
            Assert.Equal((int)ExitCode.NotAllowed, process.ExitCode);
            Assert.Contains("grant execute on function pg_create_restore_point(text), pg_switch_wal() to "
                + "backup_user", process.Output, StringComparison.Ordinal);

            await cluster.Database(1)
                .ExecuteAsync("grant execute on function pg_create_restore_point(text), pg_switch_wal() to backup_user");
            await using var again = AdminChild.Start(cluster, ["backup", "point", "nightly", "--out", _file], user: "backup_user");
            await again.WaitForExitAsync(Limit);
            Assert.True(again.ExitCode == 0, again.Output);
        }
        finally
        {
            await cluster.Database(1).ExecuteAsync("drop owned by backup_user; drop role backup_user");
        }
    }

    [Fact]
    public async Task Moves_wait_while_hand_overs_are_held_and_go_on_by_themselves()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var point = Start(cluster, "nightly", "backup-held:2s");
        await HeldAsync(cluster);

        var moving = cluster.RunAsync("move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes");
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        Assert.False(moving.IsCompleted);
        Assert.Equal(0L, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state <> "
            + "'owned'"));

        await point.WaitForExitAsync(Limit);
        Assert.True(point.ExitCode == 0, point.Output);
        (await moving).Succeeds();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_process_that_was_killed_holds_nothing()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var point = Start(cluster, "nightly", "backup-held:kill", "--hold", "60s");
        await point.WaitForExitAsync(Limit);
        Assert.Equal(137, point.ExitCode);

        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes", "--timeout", "20s")).Succeeds();
        Assert.False(File.Exists(_file));
        (await PointAsync(cluster, "nightly")).Succeeds(); // its name was not used
    }

    [Fact]
    public async Task A_process_that_sleeps_holds_nothing_beyond_its_limit_and_makes_no_point_when_it_wakes()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var point = Start(cluster, "nightly", "backup-pointed:stop", "--hold", "3s");
        await HeldAsync(cluster);

        (await cluster.RunAsync("move", "0-9", "--to", "s2", "--yes", "--timeout", "20s")).Succeeds();

        point.Resume();
        await point.WaitForExitAsync(Limit);
        Assert.True(point.ExitCode is (int)ExitCode.TimedOut or (int)ExitCode.CannotReach, $"{point.ExitCode}: {point.Output}");
        Assert.Contains("The name nightly is used up", point.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(_file));
    }

    /// <summary>The session that holds at the old primary holds nothing at the new one: a slot goes away between the points.</summary>
    [Fact]
    public async Task A_standby_that_takes_over_between_the_restore_points_is_found_out()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 0);
        cluster.Adopt(await server.CreateDatabaseAsync());
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        await using var standby = await server.StartStandbyAsync("b");
        (await cluster.RunAsync(
            "relocate", "s1", "--host", $"{standby.Server.Host}:{standby.Server.Port},{server.Host}:{server.Port}")).Succeeds();
        var slot = (await cluster.RingAsync())!.SlotsOf(new ShardId("s1")).First();
        await using var point = Start(cluster, "nightly", "backup-pointed:stop", "--hold", "60s");
        await Eventually.ThatAsync(() => ProcessTree.IsStopped(point.Id), Limit, "s1 has its restore point");

        await standby.CaughtUpAsync();
        await standby.PromoteAsync(); // the old primary lives
        (await cluster.RunAsync("move", $"{slot}", "--to", "s2", "--yes", "--timeout", "20s")).Succeeds();
        await Eventually.ThatAsync(
            () =>
            {
                point.Resume(); // it stops behind the restore point of s2 too
                return point.HasExited;
            },
            Limit, "the command ends");

        Assert.True(point.ExitCode == (int)ExitCode.Failed, $"{point.ExitCode}: {point.Output}");
        Assert.Contains("Hand-overs were not held all the time at shard s1", point.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(_file));
    }

    [Fact]
    public async Task A_hold_that_is_not_to_be_had_in_time_is_told_and_nothing_is_made()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var session = await cluster.Database(1).DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using (var hold = session.CreateCommand())
        {
            hold.CommandText = "begin; select sharding.hand_overs_are_held()"; // as a freeze that does not end
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        (await cluster.RunAsync("backup", "point", "nightly", "--out", _file, "--hold", "600ms"))
            .Fails(ExitCode.TimedOut, "0.6 s", "shard s1", "--hold", "Nothing was changed");

        Assert.Equal(0L, await PointsAsync(cluster, "nightly"));
        Assert.False(File.Exists(_file));
    }

    [Fact]
    public async Task A_batch_between_its_owners_is_waited_for_and_named()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 200);
        await cluster.KillAsync(["move", await cluster.FirstFilledSlotsAsync(), "--to", "s2", "--yes"], "move-own");
        var operation = await cluster.OperationAsync();

        (await cluster.RunAsync("backup", "point", "nightly", "--out", _file, "--hold", "2s"))
            .Fails(ExitCode.TimedOut, operation, "released at s1", $"shardadmin ops resume {operation}");
        Assert.Equal(0L, await PointsAsync(cluster, "nightly"));

        await cluster.ResumeAsync("ops", "resume", operation);
        (await PointAsync(cluster, "nightly")).Succeeds();
    }

    [Fact]
    public async Task A_freeze_whose_mover_is_gone_is_ended()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 200);
        await cluster.KillAsync(["move", await cluster.FirstFilledSlotsAsync(), "--to", "s2", "--yes"], "move-drain");
        Assert.NotEqual(0L, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = "
            + "'frozen'"));

        (await PointAsync(cluster, "nightly")).Succeeds("1 batches of moves are under way");

        Assert.Equal(0L, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = "
            + "'frozen'"));
    }

    [Fact]
    public async Task A_point_that_broke_off_halfway_is_no_point_and_its_name_is_used_up()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);

        (await cluster.RunAsync("backup-pointed", ["backup", "point", "nightly", "--out", _file])).Fails(
            ExitCode.Failed, "No backup point was made and no document written", "The name nightly is used up",
            "shardadmin backup point ANOTHER-NAME");

        Assert.False(File.Exists(_file));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_file)!));
        Assert.Contains("no backup point yet", (await cluster.RunAsync("status")).Out, StringComparison.Ordinal);
        (await PointAsync(cluster, "nightly")).Fails(ExitCode.Conflict, "The name nightly is used");
        (await PointAsync(cluster, "nightly-2")).Succeeds();
    }

    [Theory]
    [InlineData("select sharding.move_drop('11111111-1111-1111-1111-111111111111')")]
    [InlineData("select sharding.collection_mark('c')")]
    [InlineData("select sharding.move_add('11111111-1111-1111-1111-111111111111', '11111111-1111-1111-1111-111111111111', 0, 's2', '{1}', 0, null, 'test')")]
    public async Task What_the_model_does_not_know_is_refused_too_while_hand_overs_are_held(string sql)
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 1);
        await using var point = Start(cluster, "nightly", "backup-held:5s");
        await HeldAsync(cluster);

        var refused = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => cluster.Database(1).ExecuteAsync(sql));

        Assert.Equal("SH015", refused.SqlState);
    }

    [Fact]
    public async Task A_move_that_is_planned_while_hand_overs_are_held_waits_and_goes_on()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var point = Start(cluster, "nightly", "backup-held:3s");
        await HeldAsync(cluster);

        var planned = await cluster.RunAsync("move", "0", "--to", "s2", "--yes", "--detach", "-o", "json");

        planned.Succeeds();
        Assert.False(await cluster.Database(1).ScalarAsync<bool>("select sharding.hand_overs_are_held()"));
    }

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    private Task<AdminRun> PointAsync(AdminCluster cluster, string name) => cluster.RunAsync("backup", "point", name, "--out", _file);

    private ChildProcess Start(AdminCluster cluster, string name, string failpoint, params string[] further) =>
        AdminChild.Start(cluster, ["backup", "point", name, "--out", _file, .. further], failpoint);

    private static Task HeldAsync(AdminCluster cluster) => Eventually.ThatAsync(
        () => cluster.Database(1).ScalarAsync<bool>("select sharding.hand_overs_are_held()"), Limit, "hand-overs are held");

    private static Task<long> PointsAsync(AdminCluster cluster, string name) =>
        cluster.Database(1).ScalarAsync<long>($"select count(*) from sharding.backup_point where name = '{name}'");

    private static async Task<string?> LevelAsync(AdminCluster cluster) =>
        Finding((await cluster.RunAsync("doctor", "-o", "json")).Json).GetProperty("level").GetString();

    private static JsonElement Finding(JsonElement doctor) =>
        doctor.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("check").GetString() == "backup-point");
}
