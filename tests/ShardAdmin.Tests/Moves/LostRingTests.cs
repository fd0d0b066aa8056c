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
}
