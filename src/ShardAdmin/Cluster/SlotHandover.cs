using System.Data;
using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Hands slots without a row from one shard to another: the fence of a move, without the copy.</summary>
/// <remarks>
/// Steps for each batch: 0 target: assert that it imports none of the slots · 1 source: lock the slots exclusively, assert in a
/// later statement that they are owned and hold no row, owned → released(peer) · 2 target: lock, delete residue, → owned.
///
/// Safety: a writer holds the slot's lock shared until its transaction ends, and checks ownership after taking it; so
/// at 1 nobody is writing, and whoever comes later finds "released" and follows. The assertion is a statement of its
/// own, with a snapshot from after the lock: a row that a writer left is seen. Between 1 and 2 nobody owns the slots, so
/// nobody can write them anywhere; a crash there is completed by <see cref="CarryForwardAsync"/>, because the released
/// row says who takes them, at which epoch and above which versions. The source's commit always precedes the target's,
/// so no slot ever has two owners. 0 holds until 2: whoever begins an import has made the slots his at the source before, which
/// 1 refuses. Only an import that is over and was never ended (<see cref="OrphanedImports"/>) is met at 0; and should a mover that
/// slept since before it was cancelled begin one after 0, then 2 says so instead of passing over it.
/// </remarks>
internal sealed class SlotHandover(AdminSession session, ClusterId cluster)
{
    /// <summary>Each slot locked is an entry in Postgres' lock table.</summary>
    public const int BatchSlots = 256;

    /// <summary>Writers of these slots wait behind our wait, so it is short, and tried again.</summary>
    private static readonly TimeSpan LockLimit = TimeSpan.FromMilliseconds(300);

    private const int LockAttempts = 30;

    /// <summary>
    /// Versions are microseconds of the source's clock, at least one above the last. Its rows may be gone while somebody
    /// still holds their ETags, so the target starts above anything the source can have given; the margin stands for
    /// versions that ran ahead of the clock, a microsecond for each change of one item.
    /// </summary>
    private const long VersionMargin = 1_000_000;

    private const string LockSql = "select pg_advisory_xact_lock(1397246027, slot) from (select unnest(@slots)::integer as slot order by 1) locks";

    /// <returns>False when some of the slots hold rows, are not owned by <paramref name="from"/> or are imported by <paramref name="to"/>: then none was moved.</returns>
    public async Task<bool> TryMoveAsync(Shard from, Shard to, IReadOnlyList<Slot> batch, Epoch epoch, CancellationToken cancellation)
    {
        var slots = batch.Select(slot => (short)slot.Value).ToArray();
        if (await Reach.ShardAsync(to, () => CountImportedAsync(to, slots, cancellation)) > 0) // 0
            return false;
        var floor = await Reach.ShardAsync(from, () => ReleaseAsync(from, to, slots, epoch, cancellation)); // 1
        if (floor is not { } above)
            return false;
        await session.Failpoint.ReachedAsync("slots-released", cancellation);
        // The point of no return is behind us: from here on the caller's cancellation would only leave slots ownerless.
        if (await Reach.ShardAsync(to, () => TakeAsync(to, slots, epoch, above)) is > 0 and var left) // 2
            throw new CommandFailedException(ExitCode.Precondition, $"{left} slots were given to {to.Id}, which imports them for a move: nobody serves them.", "shardadmin doctor");
        await session.Failpoint.ReachedAsync("slots-taken", cancellation);
        return true;
    }

    /// <summary>Completes what a crash between 1 and 2 left: slots that were released to a shard that did not take them yet.</summary>
    public async Task<int> CarryForwardAsync(OwnershipMap map, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var done = 0;
        foreach (var same in map.Unfinished.GroupBy(handover => (handover.To, handover.Epoch)))
        {
            if (shards.FirstOrDefault(shard => shard.Id == same.Key.To) is not { } target)
                continue; // released to a shard that is not in the list: reported as slots without an owner
            foreach (var batch in same.Chunk(BatchSlots))
            {
                var slots = batch.Select(handover => (short)handover.Slot.Value).ToArray();
                // What stays is brought by a move, which takes it; or it is told as slots without an owner.
                done += slots.Length - await Reach.ShardAsync(target, () => TakeAsync(target, slots, same.Key.Epoch, batch.Max(handover => handover.VersionFloor)));
                cancellation.ThrowIfCancellationRequested();
            }
        }
        return done;
    }

    /// <returns>The version floor for the new owner; null when the slots hold rows or are not owned here any more.</returns>
    private async Task<long?> ReleaseAsync(Shard from, Shard to, short[] slots, Epoch epoch, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ReleaseOnceAsync(from, to, slots, epoch, cancellation);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                if (attempt == LockAttempts)
                    throw new CommandFailedException(
                        ExitCode.Conflict, $"Transactions hold slots of shard {from.Id} without end: {LockAttempts} tries of {LockLimit.TotalMilliseconds:0} ms.",
                        "look for idle transactions in pg_stat_activity of that shard, then the same command again");
                await Task.Delay(Random.Shared.Next(50, 300), cancellation);
            }
        }
    }

    private async Task<long?> ReleaseOnceAsync(Shard from, Shard to, short[] slots, Epoch epoch, CancellationToken cancellation)
    {
        await using var connection = await session.Source(from).OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
        await LockAsync(connection, slots, cancellation);
        // A later statement on purpose: its snapshot is from after the lock.
        if (await connection.ExecuteScalarAsync<bool>("select exists (select from sharding.item where slot = any (@slots))", new { slots }))
            return null;
        var floors = (await connection.QueryAsync<long>(
            """
            update sharding.slot_ownership
            set state = 'released', peer = @peer, epoch = @epoch, move_id = null, frozen_until = null,
                version_floor = greatest(version_floor, (extract(epoch from clock_timestamp()) * 1000000)::bigint) + @margin
            where slot = any (@slots) and state = 'owned' and epoch < @epoch and move_id is null
            returning version_floor
            """,
            new { slots, peer = to.Id.Value, epoch = epoch.Value, margin = VersionMargin })).AsList();
        if (floors.Count != slots.Length)
            return null; // somebody else moved some of them; the transaction is rolled back
        await transaction.CommitAsync(CancellationToken.None);
        return floors.Max();
    }

    private async Task<int> CountImportedAsync(Shard to, short[] slots, CancellationToken cancellation)
    {
        await using var connection = await session.Source(to).OpenAsync(cancellation);
        return await ImportedAsync(connection, slots);
    }

    private static Task<int> ImportedAsync(NpgsqlConnection connection, short[] slots) =>
        connection.ExecuteScalarAsync<int>("select count(*)::integer from sharding.slot_ownership where slot = any (@slots) and state = 'importing'", new { slots });

    /// <returns>How many of the slots are imported there, and were left as they are.</returns>
    private async Task<int> TakeAsync(Shard to, short[] slots, Epoch epoch, long floor)
    {
        var cancellation = CancellationToken.None;
        await using var connection = await session.Source(to).OpenAsync(cancellation);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
        await connection.ExecuteAsync(LockSql, new { slots }); // nobody writes slots that nobody owns: no wait
        await RequireMemberAsync(connection, to);
        // Residue of an earlier ownership would come to life with the slot. Slots owned here by now are left alone:
        // a twin was faster, and their rows are data. So are those of slots that a move brings.
        await connection.ExecuteAsync(
            """
            delete from sharding.item
            where slot = any (@slots)
              and slot not in (select slot from sharding.slot_ownership where slot = any (@slots) and (state in ('owned', 'frozen', 'importing') or epoch > @epoch))
            """,
            new { slots, epoch = epoch.Value });
        await connection.ExecuteAsync(
            """
            insert into sharding.slot_ownership as o (slot, state, epoch, version_floor)
            select slot, 'owned', @epoch, @floor from unnest(@slots) as slot
            on conflict (slot) do update
                set state = 'owned', epoch = excluded.epoch, peer = null, move_id = null, frozen_until = null,
                    version_floor = greatest(o.version_floor, excluded.version_floor)
                where o.state = 'released' and o.epoch < excluded.epoch
            """,
            new { slots, epoch = epoch.Value, floor });
        var left = await ImportedAsync(connection, slots);
        await transaction.CommitAsync(cancellation);
        return left;
    }

    private async Task RequireMemberAsync(NpgsqlConnection connection, Shard to)
    {
        var member = await connection.ExecuteScalarAsync<bool>(
            "select exists (select from sharding.cluster where cluster_id = @id and shard_id = @shard)", new { id = cluster.Id, shard = to.Id.Value });
        if (!member)
            throw new CommandFailedException(
                ExitCode.Precondition, $"The database {to.Address} is not shard {to.Id} of {cluster} any more.", "shardadmin doctor");
    }

    private static async Task LockAsync(NpgsqlConnection connection, short[] slots, CancellationToken cancellation)
    {
        await connection.ExecuteAsync(new CommandDefinition(
            $"set local lock_timeout = '{(int)LockLimit.TotalMilliseconds}ms'", cancellationToken: cancellation));
        await connection.ExecuteAsync(new CommandDefinition(LockSql, new { slots }, cancellationToken: cancellation));
    }
}
