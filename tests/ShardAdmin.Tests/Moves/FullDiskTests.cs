using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

public sealed class FullDiskTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Room = "make room there (docs/operations/runbook.md";

    [Fact]
    public async Task A_target_that_has_no_more_room_in_the_copy_ends_the_move_with_1_and_it_is_resumed_when_there_is()
    {
        await using var disk = await SmallDisk.MountAsync();
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = disk });
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var (id, moving) = await cluster.BeginCopyingAsync(20);

        await disk.FillAsync();

        (await moving).Fails(ExitCode.Failed, "Batch 1, s1 → s2: The disk of a shard is full: ", Room, $"shardadmin ops resume {id}");
        await writers.SomeAsync();
        Assert.Equal(0L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = 'owned'"));
        Assert.Contains("No space left", (await cluster.ShowAsync(id)).GetProperty("batchList")[0].GetProperty("problem").GetString(), StringComparison.Ordinal);
        disk.MakeRoom();
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_source_without_room_keeps_its_slots_and_gives_them_away_when_there_is()
    {
        await using var disk = await SmallDisk.MountAsync();
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = disk });
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        var slots = await cluster.FirstFilledSlotsAsync();
        (await cluster.RunAsync("move", slots, "--to", "s2", "--yes", "--rate", "none")).Succeeds("Moved");
        var id = await cluster.PlanMoveAsync(slots, "s1");
        await disk.FillAsync();

        (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.Failed, "Batch 1, s2 → s1: The disk of a shard is full: ", Room, $"shardadmin ops resume {id}");

        disk.MakeRoom();
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
