using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>Movers that sleep until all is over, or nearly. The stories are those that the search over the model found (Model/).</summary>
public sealed class LateWakerTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];

    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(30) };

    [Theory]
    [InlineData(MoveStep.Own)] // released
    [InlineData(MoveStep.Verify)] // published
    [InlineData(null)] // finished
    public async Task One_that_wakes_before_its_beginning_when_another_is_past_the_release_hears_that_it_is_the_others(MoveStep? diesAt)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, batch, MoveStep.Begin);
        var mortal = Quick with { OnStep = (at, _) => at == diesAt ? throw new InvalidOperationException("dies") : Task.CompletedTask };
        var other = shards.Mover(MovingShards.First, MovingShards.Second, mortal).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);
        if (diesAt is null)
            await other;
        else
            await Assert.ThrowsAsync<InvalidOperationException>(() => other);

        wake.SetResult();
        await Assert.ThrowsAsync<AttemptOverException>(() => sleeper);

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "sleeper", takeOver: true, CancellationToken.None); // which a mover tries then
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task One_that_wakes_before_its_hand_over_when_another_has_done_everything_hears_that_it_is_the_others()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, batch, MoveStep.CatchUp);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);

        wake.SetResult();
        var over = await Record.ExceptionAsync(() => sleeper);

        Assert.True(over is AttemptOverException or StreamBrokenException or SessionLostException or NpgsqlException { IsTransient: true }, $"{over}");
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task One_that_wakes_before_publishing_when_the_slots_have_gone_back_leaves_the_ring_as_it_is()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var there = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, there, MoveStep.Publish);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(there.Id, "other", takeOver: true, CancellationToken.None);
        var back = await shards.PlanAsync(Slots, MovingShards.Second, MovingShards.First);
        await shards.Mover(MovingShards.Second, MovingShards.First, Quick).RunAsync(back.Id, "other", takeOver: false, CancellationToken.None);

        wake.SetResult();
        await sleeper;

        await shards.AssertCleanAsync(Slots, MovingShards.First, MovingShards.Second);
    }

    [Fact]
    public async Task One_that_wakes_before_owning_when_another_has_done_everything_finds_nothing_to_do()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, batch, MoveStep.Own);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);

        wake.SetResult();
        await sleeper; // it must not say that nobody serves the slots

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task One_that_wakes_before_making_its_publication_leaves_that_of_a_later_attempt()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, batch, MoveStep.Publication);
        var other = Quick with
        {
            OnStep = async (at, _) =>
            {
                if (at != MoveStep.CatchUp)
                    return;
                wake.SetResult();
                await Assert.ThrowsAsync<AttemptOverException>(() => sleeper);
                Assert.Equal(1L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from pg_publication where pubname like '%\\_2'"));
            },
        };
        await shards.Mover(MovingShards.First, MovingShards.Second, other).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task One_that_wakes_before_its_import_when_the_move_was_cancelled_leaves_nothing_at_the_target()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, batch, MoveStep.Import);
        Assert.True(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));

        wake.SetResult();
        await Assert.ThrowsAsync<AttemptOverException>(() => sleeper);

        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.slot_ownership"));
        var next = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(next.Id, "test", takeOver: false, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_move_back_does_not_begin_before_the_move_there_is_finished()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var there = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (sleeper, wake) = await SleepAsync(shards, there, MoveStep.Verify);
        var back = await shards.PlanAsync(Slots, MovingShards.Second, MovingShards.First);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => shards.Mover(MovingShards.Second, MovingShards.First, Quick).RunAsync(back.Id, "test", takeOver: false, CancellationToken.None));

        Assert.Equal("SH010", refused.SqlState);
        Assert.Contains("not finished", refused.MessageText, StringComparison.Ordinal);
        wake.SetResult();
        await sleeper;
        await shards.Mover(MovingShards.Second, MovingShards.First, Quick).RunAsync(back.Id, "test", takeOver: true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.First, MovingShards.Second);
    }

    private static async Task<(Task Sleeper, TaskCompletionSource Wake)> SleepAsync(MovingShards shards, MoveBatch batch, MoveStep step)
    {
        var (asleep, wake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var sleepy = Quick with
        {
            OnStep = async (at, _) =>
            {
                if (at == step && asleep.TrySetResult())
                    await wake.Task;
            },
        };
        var sleeper = shards.Mover(MovingShards.First, MovingShards.Second, sleepy).RunAsync(batch.Id, "sleeper", takeOver: false, CancellationToken.None);
        await asleep.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        return (sleeper, wake);
    }
}
