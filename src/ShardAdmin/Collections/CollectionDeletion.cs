using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Settings;
using ShardAdmin.Shards;
using ShardCore.Collections;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Collections;

/// <summary>Deletes a collection with all its items, while the cluster serves.</summary>
/// <remarks>
/// Steps: 1 mark the collection in every shard: from then on no write is accepted · 2 wait for writers that read the collection's state
/// before the mark · 3 count the items, for the answer · 4 delete the definition everywhere, and in the same transaction the partition with
/// all items; this frees the name.
///
/// Moves. A move could bring rows into a shard whose rows have been deleted already. Therefore step 1 refuses while the shard's journal has
/// a batch, and no batch comes into a journal while a mark stands. Both check and write in one transaction under the same lock
/// (sharding.lock_plans). The argument relies on rows, not on the lock of a session, which a restart of the shard would release. If a shard
/// went back to a moment before its mark, step 4 finds it, because that step looks for the mark.
///
/// Locks. To drop the partition, step 4 needs the table to itself for a moment. It waits at most 50 ms for that, so that nobody waits
/// longer behind it, and tries again. Routers read and write other partitions meanwhile.
///
/// Writers. Step 2 cannot use transaction ids: a writer has no id before its first change, so a writer that has read the state and has not
/// written yet is in no snapshot. But a writer reads the state while it holds the advisory locks of its slots (write_items, steps 2 and 3).
/// Therefore a writer that read the state before the mark was committed, and has not ended yet, still holds such a lock afterwards. It is
/// enough to wait until exactly these transactions are gone; later writers find the mark.
///
/// A crash leaves a marked collection; the same command continues the deletion.
/// </remarks>
internal sealed class CollectionDeletion(AdminSession session, string name)
{
    private static readonly TimeSpan WriterLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(300);

    public async Task<long> RunAsync(ShardRing ring, CancellationToken cancellation)
    {
        await using var held = await AdminLock.TakeAsync(session, ring.Shards, cancellation);
        await RequireNoMoveAsync(ring, cancellation);
        session.LeftOff = $"The collection {name} may be marked as being deleted; then it takes no writes. The same command completes the "
            + "deletion.";
        await Reach.AllAsync(ring.Shards, shard => MarkAsync(session.Source(shard), cancellation)); // 1
        await session.Failpoint.ReachedAsync("marked", cancellation);
        await Reach.AllAsync(ring.Shards, shard => WaitForWritersAsync(session.Source(shard), shard, cancellation)); // 2
        var rows = (await Reach.AllAsync(ring.Shards, shard => CountAsync(session.Source(shard), cancellation))).Values.Sum(); // 3
        await session.Failpoint.ReachedAsync("counted", cancellation);
        var forgotten = await Reach.AllAsync(ring.Shards, shard => ForgetAsync(session.Source(shard), shard, cancellation)); // 4
        if (forgotten.Where(each => !each.Value).Select(each => each.Key).ToArray() is { Length: > 0 } left)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Shard {string.Join(", ", left)} does not know any more that {name} is being deleted: it failed over or was restored "
                + "meanwhile.",
                $"shardadmin collections delete {name}");
        return rows;
    }

    /// <summary>A first check before anything is marked. Marking checks again at each shard, and that check decides.</summary>
    private async Task RequireNoMoveAsync(ShardRing ring, CancellationToken cancellation)
    {
        if (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation) is [var other, ..])
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Operation {other.Batch.OperationId} moves slots; a collection can only be deleted while no slot moves.",
                $"shardadmin ops watch {other.Batch.OperationId}, or: shardadmin ops resume {other.Batch.OperationId}; then the same "
                + "command again");
    }

    private async Task<bool> MarkAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        try
        {
            return await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition("select sharding.collection_mark(@name)", new { name }, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == "SH014")
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"A collection can only be deleted while no slot moves: {e.MessageText}.",
                "shardadmin ops list; shardadmin ops resume ID; then the same command again");
        }
        catch (PostgresException e) when (e.SqlState == "SH015")
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"No deletion can begin at this moment: {e.MessageText}.", $"shardadmin collections delete {name}");
        }
    }

    private static async Task<bool> WaitForWritersAsync(ShardDatabase source, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        var before = await WritersAsync(connection, cancellation);
        var limit = TimeProvider.System.GetUtcNow() + WriterLimit;
        while (before.Length > 0)
        {
            if (TimeProvider.System.GetUtcNow() > limit)
                throw new CommandFailedException(
                    ExitCode.Conflict, $"A transaction has been writing to shard {shard.Id} for {WriterLimit.TotalSeconds:0} s.",
                    "look for idle transactions in pg_stat_activity of that shard, then the same command again");
            await Task.Delay(20, cancellation);
            before = [.. before.Intersect(await WritersAsync(connection, cancellation), StringComparer.Ordinal)];
        }
        return true;
    }

    /// <summary>Transactions that hold the lock of any slot in this database.</summary>
    private static async Task<string[]> WritersAsync(NpgsqlConnection connection, CancellationToken cancellation) =>
        [.. await connection.QueryAsync<string>(new CommandDefinition(
            """
            select distinct virtualtransaction from pg_locks
            where locktype = 'advisory' and classid = 1397246027 and granted
              and database = (select oid from pg_database where datname = current_database())
            """,
            cancellationToken: cancellation))];

    private async Task<long> CountAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        var partition = (await ItemPartitions.ListAsync(connection, cancellation)).FirstOrDefault(each => each.Collection == name);
        return partition is null ? 0 : await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"select count(*) from {ItemPartitions.NameOf(name)}", commandTimeout: 0, cancellationToken: cancellation));
    }

    /// <returns>False: the shard does not know that the collection is being deleted.</returns>
    private async Task<bool> ForgetAsync(ShardDatabase source, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        for (var limit = TimeProvider.System.GetUtcNow() + LockLimit; ; await Task.Delay(LockPause, cancellation))
        {
            try
            {
                return await connection.ExecuteScalarAsync<bool>(
                    new CommandDefinition("select sharding.collection_forget(@name)", new { name }, cancellationToken: cancellation));
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                if (TimeProvider.System.GetUtcNow() > limit)
                    throw new CommandFailedException(
                        ExitCode.Conflict, $"Shard {shard.Id}: something has had a lock on sharding.item for {LockLimit.TotalSeconds:0} s.",
                        "look for long transactions in pg_stat_activity of that shard, then the same command again");
            }
        }
    }
}
