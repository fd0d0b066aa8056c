using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Settling;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>
/// A shard loses its last commits under a move: a standby that lacks them takes over. No row is lost beyond those, and no slot is given
/// away twice.
/// </summary>
public sealed class LostCommitsTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int Rows = 50;

    private static readonly Slot[] Slots = [SlotHash.Of("p0")];
    private static readonly MoveOptions Quick = new()
    {
        GraceBeforeCleaning = TimeSpan.FromMilliseconds(20),
        StepLimit = TimeSpan.FromSeconds(60),
        StandbyLimit = TimeSpan.FromSeconds(1),
    };

    [Theory]
    [InlineData(MoveStep.Copy, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Freeze, Traits = ["Category", "Long"])]
    [InlineData(MoveStep.Drain)]
    public async Task A_target_whose_standby_lacks_rows_takes_over_after_the_release_does_not_own_and_the_source_can_have_its_slots_back(MoveStep standbyStops)
    {
        await using var second = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(await postgres.ServerAsync(), second, redis);
        await using var standby = await second.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await DieAsync(shards, batch, MoveStep.Own, async step =>
        {
            if (step == standbyStops)
                await standby.Server.StopAsync(PostgresShutdown.Fast);
        });
        await TakeOverAsync(shards, MovingShards.Second, standby);

        var dispute = await Assert.ThrowsAsync<BatchDisputedException>(() => RunAsync(shards, batch));
        await Assert.ThrowsAsync<BatchDisputedException>(() => RunAsync(shards, batch));

        Assert.Contains("s2 does not have what s1 gave it", dispute.Message, StringComparison.Ordinal);
        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.First));
        Assert.True(await Settlement(shards).KeepSourceAsync((await FindAsync(shards, batch))!, CancellationToken.None));
        await shards.AssertNoMoveAsync();
        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.First));
        Assert.Equal("owned", await StateAsync(shards, MovingShards.First));
        Assert.Equal(MovingShards.First, (await shards.RingAsync())!.OwnerOf(Slots[0]).Id);
    }

    [Fact]
    public async Task A_target_that_lost_its_ownership_is_asked_before_the_sources_rows_are_deleted()
    {
        await using var second = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(await postgres.ServerAsync(), second, redis);
        await using var standby = await second.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await DieAsync(shards, batch, MoveStep.Clean, async step =>
        {
            if (step == MoveStep.Own)
                await standby.Server.StopAsync(PostgresShutdown.Fast);
        });
        await TakeOverAsync(shards, MovingShards.Second, standby);

        await Assert.ThrowsAsync<BatchDisputedException>(() => RunAsync(shards, batch));

        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.First));
        Assert.True(await Settlement(shards).KeepTargetAsync((await FindAsync(shards, batch))!, CancellationToken.None)); // it has the rows: the seal came before the ownership
        await RunAsync(shards, batch);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.Second));
    }

    [Theory]
    [InlineData(true, Traits = ["Category", "Long"])]
    [InlineData(false)]
    public async Task A_source_that_lost_its_release_and_the_end_of_the_move_follows_the_target_and_nothing_is_left(bool cancels)
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await using var standby = await first.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await RunAsync(shards, batch, async step =>
        {
            if (step == MoveStep.Release)
                await standby.Server.StopAsync(PostgresShutdown.Fast);
        });
        await WriteAsync(shards, MovingShards.Second, "new");
        await TakeOverAsync(shards, MovingShards.First, standby);
        Assert.Contains(await StateAsync(shards, MovingShards.First), (string[])["frozen", "owned"]); // two owners, until somebody looks

        if (cancels)
            Assert.False(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));
        await RunAsync(shards, batch);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal(Rows + 1L, await CountAsync(shards, MovingShards.Second));
    }

    [Fact]
    public async Task A_write_that_a_source_without_its_release_took_is_not_deleted_by_a_mover()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await using var standby = await first.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await RunAsync(shards, batch, async step =>
        {
            if (step == MoveStep.Copy)
                await standby.Server.StopAsync(PostgresShutdown.Fast);
        });
        await TakeOverAsync(shards, MovingShards.First, standby);
        await WriteAsync(shards, MovingShards.First, "stray");

        await Assert.ThrowsAsync<BatchDisputedException>(() => RunAsync(shards, batch));

        Assert.Equal("released", await StateAsync(shards, MovingShards.First));
        Assert.Equal(1L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item where id = 'stray'"));
        var view = await Settlement(shards).LookAsync((await FindAsync(shards, batch))!, CancellationToken.None);
        Assert.Equal((Rows, 1L), (view.Same, view.OnlyAtSource));
        Assert.True(await Settlement(shards).KeepTargetAsync((await FindAsync(shards, batch))!, CancellationToken.None));
        await RunAsync(shards, batch);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    /// <summary>Where the move asks, a streaming standby that lags stops it: before the hand-over nothing has changed hands.</summary>
    [Theory]
    [InlineData("s1", Traits = ["Category", "Long"])]
    [InlineData("s2")]
    public async Task A_standby_that_streams_and_does_not_confirm_stops_the_move_before_the_hand_over(string lagging)
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var second = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, second, redis);
        await using var standby = await (lagging == "s1" ? first : second).StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await standby.StopReceivingAsync();

        var stop = await Assert.ThrowsAsync<StandbysBehindException>(() => RunAsync(shards, batch));

        Assert.Contains($"of {lagging}", stop.Message, StringComparison.Ordinal);
        Assert.Contains("b (", stop.Message, StringComparison.Ordinal);
        Assert.Equal("owned", await StateAsync(shards, MovingShards.First));
        standby.GoOnReceiving();
        await RunAsync(shards, batch);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_release_that_a_streaming_standby_does_not_have_is_not_followed_by_the_owning_and_whoever_resumes_goes_on()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await using var standby = await first.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);

        await Assert.ThrowsAsync<StandbysBehindException>(() => RunAsync(shards, batch, async step =>
        {
            if (step == MoveStep.Release)
                await standby.StopReceivingAsync();
        }));

        Assert.Equal("importing", await StateAsync(shards, MovingShards.Second));
        await TakeOverAsync(shards, MovingShards.First, standby); // it lacks the release, and nobody owns by it
        await RunAsync(shards, batch);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.Second));
    }

    [Fact]
    public async Task The_sources_rows_stay_as_long_as_a_streaming_standby_of_the_target_does_not_know_that_it_owns()
    {
        await using var second = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(await postgres.ServerAsync(), second, redis);
        await using var standby = await second.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);

        await Assert.ThrowsAsync<StandbysBehindException>(() => RunAsync(shards, batch, async step =>
        {
            if (step == MoveStep.Own)
                await standby.StopReceivingAsync();
        }));

        Assert.Equal((long)Rows, await CountAsync(shards, MovingShards.First));
        await RunAsync(shards, batch, options: Quick with { IgnoresStandbys = true });
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task Deletions_are_brought_also_when_the_tables_replica_identity_is_full()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await PlanAsync(shards);
        await RunAsync(shards, batch, async step =>
        {
            if (step != MoveStep.CatchUp)
                return;
            await shards.ExecuteAsync(
                MovingShards.First,
                "alter table sharding_items.c replica identity full; alter table sharding_items.d replica identity full; "
                + "alter table sharding.item replica identity full");
            await shards.ScalarAsync<string>(MovingShards.First, WriteSql("delete", "id1", null));
            await shards.ScalarAsync<string>(MovingShards.First, WriteSql("put", "id2", "{\"n\":2}"));
        });
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
        Assert.Equal(Rows - 1L, await CountAsync(shards, MovingShards.Second));
    }

    [Fact]
    public async Task What_was_planned_before_the_source_went_to_another_history_is_begun_only_for_a_person()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await using var standby = await first.StartStandbyAsync("b");
        var batch = await PlanAsync(shards);
        await standby.CaughtUpAsync();
        await TakeOverAsync(shards, MovingShards.First, standby);

        await Assert.ThrowsAsync<MoveFailedException>(() => RunAsync(shards, batch, options: Quick with { BeginsWhatWasRestored = false }));

        await RunAsync(shards, batch);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    private static async Task<MoveBatch> PlanAsync(MovingShards shards)
    {
        await shards.ScalarAsync<long>(MovingShards.First, $"""
            with put as (
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select n, now(), {Slots[0]}, 'c', 'p0', 'id' || n, jsonb_build_object('n', n) from generate_series(1, {Rows}) n returning 1)
            select count(*) from put
            """);
        return await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
    }

    private static Task RunAsync(MovingShards shards, MoveBatch batch, Func<MoveStep, Task>? once = null, MoveOptions? options = null)
    {
        var seen = new HashSet<MoveStep>();
        var run = (options ?? Quick) with { OnStep = (step, _) => once is not null && seen.Add(step) ? once(step) : Task.CompletedTask };
        return shards.Mover(MovingShards.First, MovingShards.Second, run).RunAsync(batch.Id, "test", takeOver: true, CancellationToken.None);
    }

    /// <summary>The mover's process ends as the step begins.</summary>
    private static async Task DieAsync(MovingShards shards, MoveBatch batch, MoveStep at, Func<MoveStep, Task> once) =>
        await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(shards, batch, async step =>
        {
            await once(step);
            if (step == at)
                throw new InvalidOperationException("failpoint");
        }));

    private static async Task TakeOverAsync(MovingShards shards, ShardId shard, PostgresStandby standby)
    {
        await standby.PromoteInPlaceAsync();
        shards.Of(shard).Clear(); // its connections were the old server's
        Assert.False(await shards.ScalarAsync<bool>(shard, "select pg_is_in_recovery()"));
    }

    private static BatchSettlement Settlement(MovingShards shards) => shards.Settlement(MovingShards.First, MovingShards.Second, Quick);

    private static Task<MoveBatch?> FindAsync(MovingShards shards, MoveBatch batch) => new ShardCore.Moves.Journal.MoveJournal(shards.Of(MovingShards.First)).FindAsync(batch.Id, CancellationToken.None);

    private static Task<long> CountAsync(MovingShards shards, ShardId shard) => shards.ScalarAsync<long>(shard, $"select count(*) from sharding.item where slot = {Slots[0]}");

    private static Task<string> StateAsync(MovingShards shards, ShardId shard) => shards.ScalarAsync<string>(shard, $"select state from sharding.slot_ownership where slot = {Slots[0]}");

    private static async Task WriteAsync(MovingShards shards, ShardId shard, string id) => Assert.Equal("created", await shards.ScalarAsync<string>(shard, WriteSql("put", id, "{}")));

    private static string WriteSql(string operation, string id, string? doc) =>
        $"select outcome from sharding.write_items(false, array['{operation}'], array[{Slots[0]}::smallint], array['c'], array['p0'], array['{id}'], array[{(doc is null ? "null" : $"'{doc}'")}::jsonb], array['none'], array[null], array[null::integer], array[false])";
}
