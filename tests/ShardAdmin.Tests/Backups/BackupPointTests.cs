using System.Text.Json;
using ShardAdmin.Backups;
using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using ShardCore.Ring;
using TestCluster;
using Workbench;

namespace ShardAdmin.Tests.Backups;

/// <summary>A backup point writes down what it has, and there is none when something is in its way.</summary>
public sealed class BackupPointTests(SharedPostgres postgres, SharedRedis redis) : BackupPointCase
{
    [Fact]
    public async Task The_document_has_the_ring_and_of_each_shard_its_place_in_the_log_and_its_slots()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 3);
        (await cluster.RunAsync("move", "0-99", "--to", "s2", "--yes")).Succeeds();

        (await PointAsync(cluster, "first")).Succeeds("Backup point first", "hand-overs were held for");

        var document = BackupPointDocument.Read(await File.ReadAllTextAsync(Document), Document);
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
    public async Task A_name_is_used_once_and_aDocument_is_never_overwritten()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        (await PointAsync(cluster, "nightly")).Succeeds();
        var before = await File.ReadAllTextAsync(Document);

        (await PointAsync(cluster, "other")).Fails(ExitCode.Conflict, "exists already");
        (await cluster.RunAsync("backup", "point", "nightly", "--out", Document + ".2"))
            .Fails(ExitCode.Conflict, "The name nightly is used", "ANOTHER-NAME");
        (await cluster.RunAsync("backup", "point", "no/slash")).Fails(ExitCode.Usage, "no/slash");
        (await cluster.RunAsync("backup", "point", "other", "--out", "/nowhere/point.json")).Fails(ExitCode.Failed, "cannot be written");

        Assert.Equal(before, await File.ReadAllTextAsync(Document));
        Assert.False(File.Exists(Document + ".2"));
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
        Assert.False(File.Exists(Document));
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
            grant usage on schema sharding to backup_user; grant all on all tables in schema sharding to backup_user;
            grant execute on all functions in schema sharding to backup_user
            """);
        try
        {
            await using var process = AdminChild.Start(cluster, ["backup", "point", "nightly", "--out", Document], user: "backup_user");
            await process.WaitForExitAsync(Limit);
            Assert.Equal((int)ExitCode.NotAllowed, process.ExitCode);
            Assert.Contains("grant execute on function pg_create_restore_point(text), pg_switch_wal() to "
                + "backup_user", process.Output, StringComparison.Ordinal);

            await cluster.Database(1)
                .ExecuteAsync("grant execute on function pg_create_restore_point(text), pg_switch_wal() to backup_user");
            await using var again = AdminChild.Start(cluster, ["backup", "point", "nightly", "--out", Document], user: "backup_user");
            await again.WaitForExitAsync(Limit);
            Assert.True(again.ExitCode == 0, again.Output);
        }
        finally
        {
            await cluster.Database(1).ExecuteAsync("drop owned by backup_user; drop role backup_user");
        }
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
        Assert.False(File.Exists(Document));
    }

    [Fact]
    public async Task A_point_that_broke_off_halfway_is_no_point_and_its_name_is_used_up()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);

        (await cluster.RunAsync("backup-pointed", ["backup", "point", "nightly", "--out", Document])).Fails(
            ExitCode.Failed, "No backup point was made and no document written", "The name nightly is used up",
            "shardadmin backup point ANOTHER-NAME");

        Assert.False(File.Exists(Document));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Document)!));
        Assert.Contains("no backup point yet", (await cluster.RunAsync("status")).Out, StringComparison.Ordinal);
        (await PointAsync(cluster, "nightly")).Fails(ExitCode.Conflict, "The name nightly is used");
        (await PointAsync(cluster, "nightly-2")).Succeeds();
    }

    private static async Task<string?> LevelAsync(AdminCluster cluster) =>
        Finding((await cluster.RunAsync("doctor", "-o", "json")).Json).GetProperty("level").GetString();

    private static JsonElement Finding(JsonElement doctor) =>
        doctor.GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("check").GetString() == "backup-point");
}
