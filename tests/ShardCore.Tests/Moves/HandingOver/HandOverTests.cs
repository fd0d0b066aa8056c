using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Moves.HandingOver;

/// <summary>The orders in a move on which its safety rests, each looked at in the moment in which a wrong order would show.</summary>
public sealed class HandOverTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Pk = "p0";

    private static readonly Slot[] Slots = [SlotHash.Of(Pk)];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Patient: here the test holds writers and appliers up.</summary>
    private static readonly MoveOptions Patient = new()
    {
        GraceBeforeCleaning = TimeSpan.FromMilliseconds(20),
        StepLimit = Limit,
        LockTimeout = TimeSpan.FromSeconds(10),
        MaxPause = TimeSpan.FromSeconds(20),
        FreezeDeadline = TimeSpan.FromSeconds(60),
        FreezeWhenLagBelow = TimeSpan.FromSeconds(1),
    };

    [Fact]
    public async Task The_slots_are_released_only_when_a_write_that_the_freeze_waited_for_is_at_the_target()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var (released, arrived) = (new TaskCompletionSource(), false);
        HeldTransaction? applier = null;
        Task? writing = null;
        await MoveAsync(shards, async step =>
        {
            if (step == MoveStep.Freeze)
            {
                // The same key, not committed: only who brings the write waits for it, and not the flush before the release, which would let it pass.
                applier = await HeldTransaction.BeginAsync(
                    shards.Of(MovingShards.Second), $"insert into sharding.item (slot, collection, pk, id, version, updated_at, doc) values ({Slots[0]}, 'c', '{Pk}', 'late', 1, now(), '{{}}')");
                writing = CommitOnceTheFreezeWaitsAsync(shards, await HeldTransaction.BeginAsync(shards.Of(MovingShards.First), WriteSql("late")));
            }
            else if (step == MoveStep.Drain)
            {
                await writing!;
                await SomebodyWaitsAsync(shards, MovingShards.Second, "the applier waits to bring the late write");
                _ = ReleaseLaterAsync(applier!, released.Task);
            }
            else if (step == MoveStep.Release)
            {
                arrived = await shards.ScalarAsync<bool>(MovingShards.Second, "select exists (select from sharding.item where id = 'late')");
                released.SetResult();
            }
        });
        Assert.True(arrived, "released while the target did not have a write that was acknowledged");
    }

    [Fact]
    public async Task The_target_does_not_own_before_the_source_has_released()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var state = "";
        Task? looking = null;
        await MoveAsync(shards, async step =>
        {
            if (step == MoveStep.Release)
                looking = LookAsync(await HeldTransaction.BeginAsync(shards.Of(MovingShards.First), "select 1 from sharding.move for update"));
        });
        await looking!;
        Assert.Equal("importing", state);

        async Task LookAsync(HeldTransaction journal)
        {
            await SomebodyWaitsAsync(shards, MovingShards.First, "the release waits for the journal's row");
            state = await shards.ScalarAsync<string>(MovingShards.Second, $"select state from sharding.slot_ownership where slot = {Slots[0]}");
            await journal.DisposeAsync();
        }
    }

    [Fact]
    public async Task No_publication_stands_when_the_source_is_cleaned()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var standing = -1L;
        await MoveAsync(shards, async step =>
        {
            if (step == MoveStep.Clean)
                standing = await shards.ScalarAsync<long>(MovingShards.First, "select count(*) from pg_publication");
        });
        Assert.Equal(0, standing);
    }

    [Fact]
    public async Task The_source_is_told_of_nothing_that_the_target_has_not_committed()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var isAhead = true;
        await MoveAsync(shards, async step =>
        {
            if (step != MoveStep.Freeze)
                return;
            await using var applier = await HeldTransaction.BeginAsync(shards.Of(MovingShards.Second), "select 1 from sharding.move_import for update");
            var before = await shards.ScalarAsync<string>(MovingShards.First, "select pg_current_wal_insert_lsn()::text");
            await shards.ScalarAsync<string>(MovingShards.First, WriteSql("held"));
            await SomebodyWaitsAsync(shards, MovingShards.Second, "the applier waits to bring the write");
            await NextReplyAsync(shards);
            await NextReplyAsync(shards); // one may have been on its way already
            isAhead = await shards.ScalarAsync<bool>(MovingShards.First, $"select bool_or(confirmed_flush_lsn > '{before}') from pg_replication_slots where database = current_database()");
        });
        Assert.False(isAhead, "the source may forget WAL that the target has not committed");
    }

    [Fact]
    public async Task A_large_document_that_a_change_leaves_alone_arrives_as_it_was()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        await shards.ScalarAsync<string>(MovingShards.First, WriteSql("large", "(select jsonb_build_object('large', string_agg(md5(g::text), '')) from generate_series(1, 500) g)"));
        var before = await shards.ScalarAsync<string>(MovingShards.First, "select md5(doc::text) from sharding.item where id = 'large'");
        await MoveAsync(shards, async step =>
        {
            if (step == MoveStep.Freeze)
                await shards.ScalarAsync<long>(MovingShards.First, "update sharding.item set version = version + 1 where id = 'large' returning version");
        });
        Assert.Equal(before, await shards.ScalarAsync<string>(MovingShards.Second, "select md5(doc::text) from sharding.item where id = 'large'"));
    }

    [Fact]
    public async Task Writers_are_let_go_when_the_target_takes_too_long_to_make_all_of_it_durable()
    {
        await using var shards = await MovingShards.StartAsync(postgres, redis);
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var (freezes, released, state) = (0, 0, "");
        var options = Patient with
        {
            MaxPause = TimeSpan.FromSeconds(0.5),
            OnStep = async (step, cancellation) =>
            {
                if (step == MoveStep.Freeze && ++freezes == 2)
                    state = await shards.ScalarAsync<string>(MovingShards.First, $"select state from sharding.slot_ownership where slot = {Slots[0]}");
                else if (step == MoveStep.Drain && freezes == 1)
                    _ = HoldAsync(await HeldTransaction.BeginAsync(shards.Of(MovingShards.Second), "select 1 from sharding.move_import for update"));
                else if (step == MoveStep.Release)
                    released++;
            },
        };
        await shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None);
        Assert.Equal((2, 1, "owned"), (freezes, released, state));
        await shards.AssertCleanAsync(Slots, MovingShards.Second, MovingShards.First);

        static async Task HoldAsync(HeldTransaction flush)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            await flush.DisposeAsync();
        }
    }

    /// <param name="once">Called as each step begins for the first time.</param>
    private static async Task MoveAsync(MovingShards shards, Func<MoveStep, Task> once)
    {
        var batch = await shards.PlanAsync(Slots, MovingShards.First, MovingShards.Second);
        var seen = new HashSet<MoveStep>();
        var options = Patient with { OnStep = (step, _) => seen.Add(step) ? once(step) : Task.CompletedTask };
        await shards.Mover(MovingShards.First, MovingShards.Second, options).RunAsync(batch.Id, "test", takeOver: false, CancellationToken.None);
    }

    private static async Task CommitOnceTheFreezeWaitsAsync(MovingShards shards, HeldTransaction writer)
    {
        await SomebodyWaitsAsync(shards, MovingShards.First, "the freeze waits for the writer");
        await writer.CommitAsync();
    }

    /// <summary>A mover that goes on to the release without the write is caught there; one that waits for it is let go on.</summary>
    private static async Task ReleaseLaterAsync(HeldTransaction held, Task reached)
    {
        await Task.WhenAny(reached, Task.Delay(TimeSpan.FromSeconds(1)));
        await held.DisposeAsync();
    }

    private static Task SomebodyWaitsAsync(MovingShards shards, ShardId shard, string awaited) => Eventually.ThatAsync(
        () => shards.ScalarAsync<bool>(shard, "select exists (select from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0)"), Limit, awaited);

    private static async Task NextReplyAsync(MovingShards shards)
    {
        const string Sql = "select coalesce(max(r.reply_time)::text, '') from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid where s.database = current_database()";
        var last = await shards.ScalarAsync<string>(MovingShards.First, Sql);
        await Eventually.ThatAsync(async () => await shards.ScalarAsync<string>(MovingShards.First, Sql) != last, Limit, "the mover tells the source how far it is");
    }

    private static string WriteSql(string id, string doc = "'{}'") =>
        $"select outcome from sharding.write_items(false, array['put'], array[{Slots[0]}::smallint], array['c'], array['{Pk}'], array['{id}'], array[{doc}::jsonb], array['none'], array[null], array[null::integer], array[false])";
}
