using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Redis loses everything while a batch is between its two owners, and the mover is gone (found by chaos).</summary>
public sealed class LostRingTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task The_ring_is_rebuilt_when_nobody_owned_the_slots_and_the_move_goes_on()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-own");
        await cluster.ForgetRingAsync();
        (await cluster.RunAsync("ring", "rebuild", "--dry-run", "--seed", cluster.Database(1).Address)).Fails(ExitCode.Precondition, "ring rebuild");

        (await cluster.RunAsync("ring", "rebuild", "--seed", cluster.Database(1).Address)).Succeeds("rebuilt");

        await cluster.ResumeAsync("ops", "resume");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    /// <summary>Found by chaos: it was told as something unexpected.</summary>
    [Fact]
    public async Task Cancelling_under_a_ring_that_was_set_back_says_what_has_to_be_done_first()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        var old = (await cluster.RingTextAsync())!;
        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds();
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-copy");
        var operation = await cluster.OperationAsync();
        await cluster.PutRingTextAsync(old);

        var refused = (await cluster.RunAsync("ops", "cancel", operation)).Fails(ExitCode.Failed, "set back", "shardadmin ring rebuild");

        Assert.DoesNotContain("Unexpected", refused.Error, StringComparison.Ordinal);
        (await cluster.RunAsync("ring", "rebuild", "--yes")).Succeeds("rebuilt");
        (await cluster.RunAsync("ops", "cancel", operation)).Succeeds("Cancelled 1 batch");
        await cluster.AssertSoundAsync(3);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
