using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

public sealed class BatchMoverTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly string[] Partitions = [.. Enumerable.Range(0, 12).Select(i => $"p{i}")];
    private static readonly Slot[] Slots = [.. Partitions.Select(SlotHash.Of).Distinct()];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(30) };

    /// <summary>The steps that differ most in what a failure there leaves.</summary>
    public static TheoryData<MoveStep> Steps => [MoveStep.Copy, MoveStep.Freeze, MoveStep.Release, MoveStep.Own, MoveStep.Clean];

    public static TheoryData<MoveStep> OtherSteps => [.. Enum.GetValues<MoveStep>().Except(Steps.Select(row => row.Data))];

    [Fact]
    public async Task A_move_under_writes_loses_none_and_leaves_nothing_behind()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None);
        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal(1L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.move_history where pause_ms is not null"));
    }

    [Fact]
    public async Task Slots_that_go_there_and_back_again_under_writes_end_as_they_were()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        for (var round = 0; round < 2; round++)
        {
            var there = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
            await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(there.Id, "test", false, CancellationToken.None);
            await SomeWritesAsync(writers);
            var back = await shards.PlanAsync(Slots, MovingShards.Second, MovingShards.First);
            await shards.Mover(MovingShards.Second, MovingShards.First, Quick).RunAsync(back.Id, "test", false, CancellationToken.None);
            await SomeWritesAsync(writers);
        }
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.First));
        await shards.AssertCleanAsync(Slots, MovingShards.First, MovingShards.Second);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    [MemberData(nameof(OtherSteps), Traits = ["Category", "Long"])]
    public async Task A_mover_that_fails_at_any_step_is_carried_on_by_the_next(MoveStep step)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var failing = Quick with { OnStep = (at, _) => at == step ? throw new InvalidOperationException("failpoint") : Task.CompletedTask };
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, failing).RunAsync(batch.Id, "test", false, CancellationToken.None));
        Assert.Equal("failpoint", failure.Message);
        await SomeWritesUnlessNobodyServesAsync(writers, step);

        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", takeOver: true, CancellationToken.None);
        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Theory]
    [MemberData(nameof(Steps))]
    [MemberData(nameof(OtherSteps), Traits = ["Category", "Long"])]
    public async Task A_mover_that_sleeps_at_any_step_while_another_takes_over_does_no_harm_when_it_wakes(MoveStep step)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var asleep = new TaskCompletionSource();
        var wake = new TaskCompletionSource();
        var sleepy = Quick with
        {
            OnStep = async (at, _) =>
            {
                if (at == step && asleep.TrySetResult())
                    await wake.Task;
            },
        };
        var sleeper = shards.Mover(MovingShards.First, MovingShards.Second, sleepy).RunAsync(batch.Id, "sleeper", false, CancellationToken.None);
        await Task.WhenAny(asleep.Task, sleeper);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);
        await SomeWritesAsync(writers);
        wake.SetResult();
        // It fails at its next compare-and-set, or finds its connections ended, or that all is done: never anything else.
        await Task.WhenAny(sleeper);
        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Theory]
    [InlineData(MoveStep.Begin, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Import)]
    [InlineData(MoveStep.Publication, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.ReplicationSlot, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Copy)]
    [InlineData(MoveStep.CatchUp, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Freeze)]
    [InlineData(MoveStep.Drain, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Release)]
    public async Task A_move_cancelled_at_any_step_before_the_release_leaves_the_source_as_the_owner_and_nothing_behind(MoveStep step)
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var failing = Quick with { OnStep = (at, _) => at == step ? throw new InvalidOperationException("failpoint") : Task.CompletedTask };
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, failing).RunAsync(batch.Id, "test", false, CancellationToken.None));
        Assert.True(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));
        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.First));
        await shards.AssertNoMoveAsync();
        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.slot_ownership"));
    }

    [Fact]
    public async Task While_a_publication_waits_for_the_table_the_batch_can_be_reported_on_and_cancelled()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var reports = new MoveReports(shards.Of(MovingShards.First));
        Task moving;
        await using (await HeldTransaction.BeginAsync(shards.Of(MovingShards.First), "lock table sharding.item in share update exclusive mode")) // as a VACUUM has it
        {
            moving = shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None);
            await Eventually.ThatAsync(
                () => shards.ScalarAsync<bool>(MovingShards.First, "select exists (select from pg_locks where not granted and relation = 'sharding.item'::regclass)"),
                TimeSpan.FromSeconds(30), "the publication waits for the table");
            await reports.NoteAsync(batch.Id, 0, 0, null, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
            Assert.True(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        }

        await Assert.ThrowsAsync<AttemptOverException>(() => moving);
        await shards.AssertNoMoveAsync();
    }

    [Fact]
    public async Task A_batch_whose_target_is_gone_is_cancelled_at_its_source()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var failing = Quick with { OnStep = (at, _) => at == MoveStep.Release ? throw new InvalidOperationException("failpoint") : Task.CompletedTask };
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, failing).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None));
        var gone = new Shard(MovingShards.Second, "127.0.0.1", 1, "nothing");

        Assert.True(await shards.Mover(MovingShards.First, gone, Quick).CancelAsync(batch.Id, isTargetGone: true, CancellationToken.None));

        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.First));
        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.First, "select (select count(*) from sharding.move) + (select count(*) from pg_publication) + (select count(*) from sharding.slot_ownership where state <> 'owned' or move_id is not null)"));
    }

    [Fact]
    public async Task An_interrupted_move_stops_before_the_release()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        using var stop = new CancellationTokenSource();
        var stopping = Quick with { OnStep = (at, _) => at == MoveStep.CatchUp ? stop.CancelAsync() : Task.CompletedTask };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            shards.Mover(MovingShards.First, MovingShards.Second, stopping).RunAsync(batch.Id, "test", false, stop.Token));
        Assert.True(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));
        await shards.AssertNoMoveAsync();
    }

    [Fact]
    public async Task A_canceller_that_sleeps_while_another_mover_begins_anew_takes_nothing_from_it()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = await WritingAsync(shards);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (asleep, wake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var sleepy = Quick with
        {
            OnStep = async (_, _) =>
            {
                asleep.TrySetResult();
                await wake.Task;
            },
        };
        var canceller = shards.Mover(MovingShards.First, MovingShards.Second, sleepy).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None);
        await asleep.Task;
        // Wakes between the release and the target's owning: the import that it began itself is another's by now.
        var other = Quick with
        {
            OnStep = async (at, _) =>
            {
                if (at != MoveStep.Own || wake.Task.IsCompleted)
                    return;
                wake.SetResult();
                Assert.False(await canceller);
            },
        };
        await shards.Mover(MovingShards.First, MovingShards.Second, other).RunAsync(batch.Id, "other", takeOver: true, CancellationToken.None);
        await SomeWritesAsync(writers);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_release_has_a_higher_epoch_than_its_slots_ever_had_though_Redis_was_set_back()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using (var command = shards.Of(MovingShards.First).CreateCommand("update sharding.slot_ownership set epoch = 40"))
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None);
        Assert.Equal(41L, await shards.ScalarAsync<long>(MovingShards.Second, "select max(epoch) from sharding.slot_ownership"));
    }

    private static async Task<CountingWriters> WritingAsync(MovingShards shards)
    {
        var writers = CountingWriters.Start(shards, Partitions);
        await SomeWritesAsync(writers);
        return writers;
    }

    private static async Task SomeWritesAsync(CountingWriters writers)
    {
        var before = writers.Writes;
        await Eventually.ThatAsync(() => writers.Writes > before + 300, Limit, "300 writes more were acknowledged");
    }

    /// <summary>Between release and own nobody serves the slots; at every other step writes go on by themselves.</summary>
    private static Task SomeWritesUnlessNobodyServesAsync(CountingWriters writers, MoveStep step) =>
        step == MoveStep.Own ? Task.CompletedTask : SomeWritesAsync(writers);
}
