using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>The disk of one side of a move is full from some step on, data and WAL being on the same one.</summary>
public sealed class FullDiskTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Owned = "select count(*) from sharding.slot_ownership where state = 'owned'";

    /// <summary>As many as a batch has at most: what is noted of them fills pages.</summary>
    private static readonly Slot[] Slots = [.. Slot.All.Take(256).Prepend(SlotHash.Of("p1")).Prepend(SlotHash.Of("p0")).Distinct().Take(256)];

    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(60) };

    [Theory]
    [InlineData(MoveStep.Import, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Copy)]
    [InlineData(MoveStep.CatchUp, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Freeze)]
    public async Task A_target_without_room_is_not_handed_anything_and_the_source_serves_on(MoveStep step)
    {
        await using var disk = await SmallDisk.MountAsync();
        await using var second = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = disk });
        await using var shards = await MovingShards.StartAsync(await postgres.ServerAsync(), second, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 200, documentBytes: 500);
        await using var writers = CountingWriters.Start(shards, ["p0", "p1"]);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var filling = OnceAt(step, async () =>
        {
            await disk.FillAsync();
            await shards.FillAsync(MovingShards.First, Slots[^1], rows: 2000, documentBytes: 500); // they have to go somewhere
        });

        var failure = await Assert.ThrowsAsync<PostgresException>(() => shards.Mover(MovingShards.First, MovingShards.Second, filling).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Equal(PostgresErrorCodes.DiskFull, failure.SqlState);
        var before = writers.Writes;
        await Eventually.ThatAsync(() => writers.Writes > before + 100, TimeSpan.FromSeconds(30), "100 writes more were acknowledged");
        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.Second, Owned));
        disk.MakeRoom();
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    /// <summary>From the release on nobody serves the slots until the target owns them; its table of slots has the room for it in its pages (fillfactor).</summary>
    [Fact]
    public async Task A_target_without_room_can_own_what_was_released_to_it()
    {
        await using var disk = await SmallDisk.MountAsync();
        await using var second = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = disk });
        await using var shards = await MovingShards.StartAsync(await postgres.ServerAsync(), second, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 200, documentBytes: 500);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);

        await Record.ExceptionAsync(() => shards.Mover(MovingShards.First, MovingShards.Second, OnceAt(MoveStep.Release, disk.FillAsync)).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Equal((long)Slots.Length, await shards.ScalarAsync<long>(MovingShards.Second, Owned));
        Assert.Equal(MovingShards.Second, (await shards.RingAsync())!.OwnerOf(Slots[0]).Id);
        disk.MakeRoom();
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None); // what there was no room to note
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Theory]
    [InlineData(MoveStep.Publication, true, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.ReplicationSlot, true, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Freeze, true)]
    [InlineData(MoveStep.Release, false)]
    [InlineData(MoveStep.Clean, false, Traits = ["Category", "Long"])]
    public async Task A_source_without_room_has_given_its_slots_away_or_has_them_still(MoveStep step, bool hasThem)
    {
        await using var disk = await SmallDisk.MountAsync();
        await using var first = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = disk });
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 2000, documentBytes: 500);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);

        var failure = await Assert.ThrowsAsync<PostgresException>(() => shards.Mover(MovingShards.First, MovingShards.Second, OnceAt(step, disk.FillAsync)).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Equal(PostgresErrorCodes.DiskFull, failure.SqlState);
        Assert.Equal(hasThem ? Slot.Count : Slot.Count - Slots.Length, await shards.ScalarAsync<long>(MovingShards.First, Owned));
        Assert.Equal(hasThem ? 0 : Slots.Length, await shards.ScalarAsync<long>(MovingShards.Second, Owned));
        disk.MakeRoom();
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        Assert.Equal(2000L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    private static MoveOptions OnceAt(MoveStep step, Func<Task> work)
    {
        var times = 0;
        return Quick with { OnStep = (at, _) => at == step && ++times == 1 ? work() : Task.CompletedTask };
    }
}
