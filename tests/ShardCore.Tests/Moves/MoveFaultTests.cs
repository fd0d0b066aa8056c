using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>What breaks under a move: a target that crashes, WAL that is gone, writers that are too fast, a slot with very much in it.</summary>
public sealed class MoveFaultTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly Slot[] Slots = [SlotHash.Of("p0"), SlotHash.Of("p1")];

    private static readonly MoveOptions Quick = new() { GraceBeforeCleaning = TimeSpan.FromMilliseconds(20), StepLimit = TimeSpan.FromSeconds(60) };

    /// <summary>
    /// Nothing is written meanwhile, so nothing after the crash touches the target but the flush; and the copy's commits,
    /// which did not wait for the disk, may have been lost in it.
    /// </summary>
    [Fact]
    public async Task A_target_that_crashed_since_the_copy_is_not_handed_anything()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var second = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, second, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 2000, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var crashing = Quick with { OnStep = (at, _) => at == MoveStep.Drain ? CrashAsync(shards, second) : Task.CompletedTask };

        await Assert.ThrowsAnyAsync<Exception>(() => shards.Mover(MovingShards.First, MovingShards.Second, crashing).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Equal("copying", await shards.ScalarAsync<string>(MovingShards.First, "select phase from sharding.move")); // and not frozen any more
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        Assert.Equal(2000L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    /// <summary>The deletion did not wait for the disk, and the mover, whose connection was renewed, does not know of the crash.</summary>
    [Fact]
    public async Task Rows_that_a_crash_of_the_source_brings_back_after_they_were_deleted_are_deleted_again()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 30, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var crashes = 0;
        var crashing = Quick with
        {
            OnStep = (at, _) => at == MoveStep.Finish && ++crashes == 1 ? shards.FillAsync(MovingShards.First, Slots[0], rows: 30, documentBytes: 100) : Task.CompletedTask,
        };

        await shards.Mover(MovingShards.First, MovingShards.Second, crashing).RunAsync(batch.Id, "test", false, CancellationToken.None);

        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task A_replication_slot_that_the_source_gave_up_costs_just_that_attempt()
    {
        await using var first = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: "max_slot_wal_keep_size=1MB"));
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows: 2000, documentBytes: 100);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var losing = Quick with { OnStep = (at, _) => at == MoveStep.Copy ? GiveSlotUpAsync(shards) : Task.CompletedTask };

        await Assert.ThrowsAsync<StreamBrokenException>(() => shards.Mover(MovingShards.First, MovingShards.Second, losing).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Equal(0L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from pg_replication_slots"));
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task Writes_that_the_target_never_catches_up_with_end_the_attempt_with_the_reason_and_the_source_serves_on()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await using var writers = CountingWriters.Start(shards, ["p0", "p1"]);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var impossible = Quick with { FreezeWhenLagBelow = TimeSpan.FromMicroseconds(1), MaxPause = TimeSpan.FromMicroseconds(1), StepLimit = TimeSpan.FromSeconds(2) };

        var failure = await Assert.ThrowsAsync<MoveFailedException>(() => shards.Mover(MovingShards.First, MovingShards.Second, impossible).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Contains("faster than it can apply", failure.Message, StringComparison.Ordinal);
        var before = writers.Writes;
        await Eventually.ThatAsync(() => writers.Writes > before + 100, TimeSpan.FromSeconds(30), "100 writes more were acknowledged");
        Assert.True(await shards.Mover(MovingShards.First, MovingShards.Second, Quick).CancelAsync(batch.Id, isTargetGone: false, CancellationToken.None));
        await writers.StopAsync();
        Assert.Empty(await writers.WrongAsync(MovingShards.First));
        await shards.AssertNoMoveAsync();
    }

    [Fact]
    public async Task A_slot_with_many_pages_of_rows_moves_whole_and_is_cleaned_page_by_page()
    {
        const int rows = 10_007;
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, Slots[0], rows, documentBytes: 500);
        await shards.FillAsync(MovingShards.First, Slots[1], rows: 3, documentBytes: 500);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick with { CleanBatch = 700 }).RunAsync(batch.Id, "test", false, CancellationToken.None);
        Assert.Equal(rows + 3L, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task Rows_are_deleted_in_pages_of_the_limit_each_from_where_the_last_one_ended()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.First, new Slot(3), rows: 95, documentBytes: 32);
        await shards.FillAsync(MovingShards.First, new Slot(5), rows: 105, documentBytes: 32);
        await shards.FillAsync(MovingShards.First, new Slot(6), rows: 10, documentBytes: 32);
        Assert.Equal("100 100 0", await shards.ScalarAsync<string>(MovingShards.First, """
            do $$
            declare page record;
                    told text := '';
            begin
                select null::smallint as p_slot, null::text as p_collection, null::text as p_pk, null::text as p_id into page;
                loop
                    select * into page from sharding.delete_item_page('{3,4,5}', 100, page.p_slot, page.p_collection, page.p_pk, page.p_id);
                    told := told || page.deleted || ' ';
                    exit when page.p_slot is null;
                end loop;
                perform set_config('test.told', trim(told), false);
            end
            $$;
            select current_setting('test.told')
            """));
        Assert.Equal(10L, await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from sharding.item"));
    }

    /// <summary>A slot that is no longer the batch's may be another move's by then.</summary>
    [Fact]
    public async Task A_page_leaves_the_slot_alone_in_which_the_last_one_ended_if_it_is_not_asked_for_any_more()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        foreach (var slot in (int[])[3, 5, 6])
            await shards.FillAsync(MovingShards.First, new Slot(slot), rows: 10, documentBytes: 32);
        Assert.Equal(15, await shards.ScalarAsync<int>(MovingShards.First, "select deleted from sharding.delete_item_page('{3,6}', 100, 5::smallint, 'c', '', '')")); // slot 6 of c, and all of d
        Assert.Equal("3,5", await shards.ScalarAsync<string>(MovingShards.First, "select string_agg(distinct slot::text, ',') from sharding.item"));
    }

    [Fact]
    public async Task A_batch_of_many_slots_is_cleaned_whole_and_nothing_beside_it()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        Slot[] moved = [.. Enumerable.Range(0, 600).Where(number => number % 3 != 1).Select(number => new Slot(number))]; // more than a page locks, with gaps
        foreach (var slot in moved.Where(slot => slot.Value % 2 == 0).Append(new Slot(1)).Append(new Slot(601)))
            await shards.FillAsync(MovingShards.First, slot, rows: 2, documentBytes: 32);
        var batch = await shards.PlanAsync(moved, MovingShards.First, MovingShards.Second);
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", false, CancellationToken.None);
        Assert.Equal(2L * moved.Count(slot => slot.Value % 2 == 0), await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        Assert.Equal("1,601", await shards.ScalarAsync<string>(MovingShards.First, "select string_agg(distinct slot::text, ',') from sharding.item"));
        await shards.AssertNoMoveAsync();
    }

    [Fact]
    public async Task A_transaction_larger_than_what_may_be_in_memory_arrives_whole()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        const int bytes = 500_000;
        const int rows = 3 * ChangeQueue.Units * ChangeQueue.UnitBytes / sizeof(char) / bytes;
        var writing = Quick with { OnStep = (at, _) => at == MoveStep.CatchUp ? shards.FillAsync(MovingShards.First, Slots[0], rows, bytes) : Task.CompletedTask };

        await shards.Mover(MovingShards.First, MovingShards.Second, writing).RunAsync(batch.Id, "test", false, CancellationToken.None); // which compares both sides

        Assert.Equal((long)rows, await shards.ScalarAsync<long>(MovingShards.Second, "select count(*) from sharding.item"));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    /// <summary>On a server of its own: the oldest transaction of the whole server is named, and other tests hold some.</summary>
    [Fact]
    public async Task A_transaction_that_the_copy_would_have_to_wait_for_is_named()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var shards = await MovingShards.StartAsync(first, await postgres.ServerAsync(), redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        await using (await HeldTransaction.BeginAsync(shards.Of(MovingShards.First), "set local application_name = 'a night job'; select pg_current_xact_id()"))
        {
            var failure = await Assert.ThrowsAsync<MoveFailedException>(() => shards.Mover(MovingShards.First, MovingShards.Second, Quick with { SnapshotLimit = TimeSpan.FromSeconds(0.3) })
                .RunAsync(batch.Id, "test", false, CancellationToken.None));
            Assert.Contains("a night job", failure.Message, StringComparison.Ordinal);
        }
        await shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", true, CancellationToken.None);
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);
    }

    [Fact]
    public async Task Nothing_is_copied_onto_rows_that_cannot_be_purged()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.FillAsync(MovingShards.Second, Slots[1], rows: 1, documentBytes: 100);
        await shards.ScalarAsync<string>(MovingShards.Second, """
            create function keep() returns trigger language plpgsql as 'begin return null; end';
            create trigger keep before delete on sharding.item for each row execute function keep();
            select 'done'
            """);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);

        var failure = await Assert.ThrowsAsync<MoveFailedException>(() => shards.Mover(MovingShards.First, MovingShards.Second, Quick).RunAsync(batch.Id, "test", false, CancellationToken.None));

        Assert.Contains("rows are left in its slots", failure.Message, StringComparison.Ordinal);
        Assert.Equal("owned", await shards.ScalarAsync<string>(MovingShards.First, $"select state from sharding.slot_ownership where slot = {Slots[1]}"));
    }

    private static async Task CrashAsync(MovingShards shards, PostgresServer target)
    {
        await target.KillAsync();
        await target.StartAsync();
        shards.Of(MovingShards.Second).Clear(); // the test's own connections
    }

    private static async Task GiveSlotUpAsync(MovingShards shards)
    {
        for (var segment = 0; segment < 3; segment++)
            await shards.ScalarAsync<string>(MovingShards.First, "select pg_logical_emit_message(true, 'test', 'something')::text || pg_switch_wal()::text");
        await using (var checkpoint = shards.Of(MovingShards.First).CreateCommand("checkpoint"))
            await checkpoint.ExecuteNonQueryAsync();
        await Eventually.ThatAsync(
            async () => await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from pg_replication_slots where wal_status <> 'lost'") == 0, TimeSpan.FromSeconds(30), "the source gives the replication slot up");
    }
}
