using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Taking an operation back: a move like any, the other way.</summary>
public sealed class RollbackTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_finished_operation_goes_back_under_writers_and_what_moved_on_since_stays()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var before = (await cluster.RingAsync())!;
        var slots = await cluster.SlotsOfFirstAsync(20);
        var id = (await cluster.RunAsync("move", slots, "--to", "s2", "-y", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;
        var one = slots.Split(',')[0];
        (await cluster.RunAsync("move", one, "--to", "s1", "-y")).Succeeds();

        (await cluster.RunAsync("ops", "rollback", id)).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        var back = (await cluster.RunAsync("ops", "rollback", id, "-y")).Succeeds("Moved");

        Assert.Contains("1 slot", back.Error, StringComparison.Ordinal);
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.Equal(before.Owners, (await cluster.AssertSoundAsync(2)).Owners);
        (await cluster.RunAsync("ops", "rollback", id, "-y")).Succeeds("nothing that could go back");
        (await cluster.RunAsync("ops", "rollback", Guid.NewGuid().ToString(), "-y")).Fails(ExitCode.NotFound, "ops list");
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Of_an_unfinished_operation_the_released_batch_goes_back_and_the_rest_is_cancelled()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var before = (await cluster.RingAsync())!;
        var slots = string.Join(',', before.SlotsOf(before.Shards[0].Id).Take(600));
        await cluster.KillAsync(["move", slots, "--to", "s2", "--yes"], "move-own");
        var id = await cluster.OperationAsync();

        await cluster.ResumeAsync("ops", "rollback", id, "-y");

        Assert.Equal("cancelled", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
        Assert.Contains((await cluster.ShowAsync(id)).GetProperty("slotsDone").GetInt32(), (int[])[256, 88]); // whichever of 256, 256 and 88 came first
        Assert.Equal(before.Owners, (await cluster.AssertSoundAsync(2)).Owners);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_shard_that_drains_becomes_active_again()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(2, 50);
        var before = (await cluster.RingAsync())!;
        await cluster.KillAsync(["remove-shard", "s2", "--yes"], "move-publish");
        var id = await cluster.OperationAsync();

        await cluster.ResumeAsync("ops", "rollback", id, "-y");

        var after = await cluster.AssertSoundAsync(2);
        Assert.Equal(before.Owners, after.Owners);
        Assert.All(after.Shards, shard => Assert.Equal(ShardCore.Ring.ShardState.Active, shard.State));
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Detached_it_only_plans_the_way_back_and_whoever_resumes_goes_it()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var before = (await cluster.RingAsync())!;
        var id = (await cluster.RunAsync("move", "0-4", "--to", "s2", "-y", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;

        (await cluster.RunAsync("ops", "rollback", id, "-y", "--detach")).Succeeds("Planned: 5 slots", "ops watch");

        var back = await cluster.OperationAsync();
        Assert.Equal(("unfinished", $"ops rollback {id}"), ((await cluster.ShowAsync(back)).GetProperty("state").GetString(), (await cluster.ShowAsync(back)).GetProperty("command").GetString()));
        await cluster.ResumeAsync("ops", "resume");
        Assert.Equal(before.Owners, (await cluster.AssertSoundAsync(2)).Owners);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
