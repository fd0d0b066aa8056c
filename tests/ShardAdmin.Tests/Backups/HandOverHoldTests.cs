using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>A backup point holds hand-overs, for a bounded time, and what is held goes on by itself.</summary>
public sealed class HandOverHoldTests(SharedPostgres postgres, SharedRedis redis) : BackupPointCase
{
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
        Assert.False(File.Exists(Document));
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
        Assert.False(File.Exists(Document));
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

        (await cluster.RunAsync("backup", "point", "nightly", "--out", Document, "--hold", "600ms"))
            .Fails(ExitCode.TimedOut, "0.6 s", "shard s1", "--hold", "Nothing was changed");

        Assert.Equal(0L, await PointsAsync(cluster, "nightly"));
        Assert.False(File.Exists(Document));
    }

    [Fact]
    public async Task A_batch_between_its_owners_is_waited_for_and_named()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 200);
        await cluster.KillAsync(["move", await cluster.FirstFilledSlotsAsync(), "--to", "s2", "--yes"], "move-own");
        var operation = await cluster.OperationAsync();

        (await cluster.RunAsync("backup", "point", "nightly", "--out", Document, "--hold", "2s"))
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

        (await PointAsync(cluster, "nightly")).Succeeds("Moves are under way, with 1 batch unfinished");

        Assert.Equal(0L, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = "
            + "'frozen'"));
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
}
