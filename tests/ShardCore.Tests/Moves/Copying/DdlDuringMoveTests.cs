using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves.Copying;

/// <summary>Somebody changes or locks <c>sharding.item</c> while a batch is on its way: it arrives whole, or says why not and loses nothing.</summary>
public sealed class DdlDuringMoveTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int Rows = 400;
    private const string AddColumn = "alter table sharding.item add column note text default 'worth something'";
    private const string Rewriting = "alter table sharding.item add column note uuid default gen_random_uuid(); alter table sharding.item drop column note";
    private const string DropColumn = "alter table sharding.item drop column note";

    private const string FilledSql = "select count(*) from sharding.item where collection in ('c', 'd') and pk like 'pk%'";
    private const string WaitingSql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%by_update%' and pid <> pg_backend_pid()";

    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(60) };

    [Theory]
    [InlineData("s1", MoveStep.Copy, "create index concurrently by_update on sharding_items.c (updated_at)")] // it waits for the copy's snapshot, and the copy not for it
    [InlineData("s1", MoveStep.CatchUp, "create index by_update on sharding.item (updated_at)")]
    [InlineData("s1", MoveStep.CatchUp, "vacuum (full, analyze) sharding.item")] // new files under the stream
    [InlineData("s1", MoveStep.CatchUp, Rewriting)]
    [InlineData("s2", MoveStep.Copy, "create index concurrently by_update on sharding_items.c (updated_at)")]
    [InlineData("s2", MoveStep.CatchUp, "vacuum (full, analyze) sharding.item")]
    [InlineData("s2", MoveStep.CatchUp, "alter table sharding.item add column note text default 'of the target'")] // nothing is lost by it; doctor calls it drift
    public async Task A_batch_arrives_whole_whatever_changes_beside_it(string shard, MoveStep step, string ddl)
    {
        await using var shards = await FilledAsync();
        await using var writers = CountingWriters.Start(shards, ["p0", "p1"]);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var changing = Task.CompletedTask;
        var changed = Quick with { OnStep = async (at, _) => await (at == step ? ChangedOrWaitingAsync() : Task.CompletedTask) };

        await shards.Mover(MovingShards.First, MovingShards.Second, changed).RunAsync(batch.Id, "test", false, CancellationToken.None); // which compares both sides

        await changing.WaitAsync(Limit);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        Assert.Equal(Rows, await shards.ScalarAsync<long>(MovingShards.Second, FilledSql));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);

        Task ChangedOrWaitingAsync()
        {
            changing = shards.ExecuteAsync(new ShardId(shard), ddl);
            return Eventually.ThatAsync(
                async () => changing.IsCompleted || await shards.ScalarAsync<long>(new ShardId(shard), WaitingSql) > 0, Limit, "the change is done, or waits for the move");
        }
    }

    /// <summary>Who reads a rewritten table with a snapshot from before finds it empty: the batch was handed over without its rows.</summary>
    [Theory]
    [InlineData(Rewriting)]
    [InlineData("vacuum full sharding.item")]
    public async Task A_table_that_was_rewritten_since_the_snapshot_is_not_read_with_it(string rewriting)
    {
        await using var shards = await FilledAsync();
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var rewritten = ChangedAt(MoveStep.Copy, shards, rewriting);

        var failure = await Assert.ThrowsAsync<ChangesDoNotFitException>(() => shards.Mover(MovingShards.First, MovingShards.Second, rewritten).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Contains("rewritten", failure.Message, StringComparison.Ordinal);
        await CompleteAsync(shards, batch.Id);
        Assert.Equal(Rows, await shards.ScalarAsync<long>(MovingShards.Second, FilledSql));
    }

    /// <summary>The copy, the stream and the comparison name the columns that they know, so nobody would have missed what was in another.</summary>
    [Theory]
    [InlineData(MoveStep.Publication)]
    [InlineData(MoveStep.CatchUp)]
    public async Task A_column_that_a_move_would_lose_ends_the_attempt_before_the_slots_are_frozen(MoveStep step)
    {
        await using var shards = await FilledAsync();
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var changed = ChangedAt(step, shards, AddColumn);

        var failure = await Assert.ThrowsAsync<MoveFailedException>(() => shards.Mover(MovingShards.First, MovingShards.Second, changed).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Contains("note", failure.Message, StringComparison.Ordinal);
        Assert.Equal(16384L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.slot_ownership where state = 'owned'"));
        await shards.ExecuteAsync(MovingShards.First, DropColumn);
        await CompleteAsync(shards, batch.Id);
    }

    [Fact]
    public async Task A_column_that_comes_after_the_hand_over_keeps_the_rows_at_the_source()
    {
        await using var shards = await FilledAsync();
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var changed = ChangedAt(MoveStep.Publish, shards, AddColumn);

        var failure = await Assert.ThrowsAsync<MoveFailedException>(() => shards.Mover(MovingShards.First, MovingShards.Second, changed).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Contains("note", failure.Message, StringComparison.Ordinal);
        Assert.Contains("are kept", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Rows, await shards.ScalarAsync<long>(MovingShards.First, FilledSql + " and note = 'worth something'"));
        Assert.Equal(2L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.slot_ownership where state = 'owned'"));
        await shards.ExecuteAsync(MovingShards.First, DropColumn);
        await CompleteAsync(shards, batch.Id);
    }

    [Fact]
    public async Task A_lock_at_the_target_when_the_slots_are_frozen_holds_no_writer_longer_than_the_pause()
    {
        await using var shards = await FilledAsync();
        await using var writers = CountingWriters.Start(shards, ["p0", "p1"]);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        HeldTransaction? held = null;
        var locked = Quick with { OnStep = async (at, _) => held ??= at == MoveStep.Freeze ? await LockAsync(shards, MovingShards.Second) : null };
        var moving = shards.Mover(MovingShards.First, MovingShards.Second, locked).RunAsync(batch.Id, "test", false, CancellationToken.None);
        await Eventually.ThatAsync(() => held is not null, Limit, "the slots are about to be frozen");

        var before = writers.Writes;
        await Eventually.ThatAsync(() => writers.Writes > before + 300, Limit, "300 writes more were acknowledged by the source while the target is locked");
        await held!.DisposeAsync();

        await moving.WaitAsync(Limit);
        await writers.StopAsync();
        Assert.InRange(writers.Longest, TimeSpan.Zero, TimeSpan.FromSeconds(2)); // the pause of 250 ms, on a busy machine
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Theory]
    [InlineData(MoveStep.Publication)]
    [InlineData(MoveStep.Copy)]
    [InlineData(MoveStep.Freeze)]
    public async Task A_lock_at_the_source_is_waited_for(MoveStep step)
    {
        await using var shards = await FilledAsync();
        await using var writers = CountingWriters.Start(shards, ["p0", "p1"]);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        HeldTransaction? held = null;
        var locked = Quick with { OnStep = async (at, _) => held ??= at == step ? await LockAsync(shards, MovingShards.First) : null };
        var moving = shards.Mover(MovingShards.First, MovingShards.Second, locked).RunAsync(batch.Id, "test", false, CancellationToken.None);

        await Eventually.ThatAsync(
            async () => held is not null && await shards.ScalarAsync<long>(
                MovingShards.First,
                "select count(*) from pg_locks where not granted "
                + "and relation in (select inhrelid from pg_inherits union select inhparent from pg_inherits)") > 0,
            Limit, "the lock is held and waited for");
        Assert.False(moving.IsCompleted);
        await held!.DisposeAsync();

        await moving.WaitAsync(Limit);
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.Second));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    private async Task<MovingShards> FilledAsync()
    {
        var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], Rows, documentBytes: 100);
        return shards;
    }

    /// <summary>The next attempt takes over what the failed one left.</summary>
    private static async Task CompleteAsync(MovingShards shards, Guid batch)
    {
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch, "test", true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    private static Task<HeldTransaction> LockAsync(MovingShards shards, ShardId shard) =>
        HeldTransaction.BeginAsync(shards.Of(shard), "lock table sharding.item in access exclusive mode");

    /// <summary>The source's table is changed as the step begins.</summary>
    private static MoveOptions ChangedAt(MoveStep step, MovingShards shards, string sql) =>
        Quick with { OnStep = (at, _) => at == step ? shards.ExecuteAsync(MovingShards.First, sql) : Task.CompletedTask };
}
