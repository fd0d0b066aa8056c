using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Deletes a collection with all its items, while the cluster serves.</summary>
/// <remarks>
/// Steps: 1 mark it in every shard: from then on no write is accepted · 2 wait for writers that looked before the mark ·
/// 3 delete the rows in small batches · 4 delete the definition everywhere, which frees the name.
///
/// A move would take rows to where they have been deleted already. So 1 refuses while a batch stands in the shard's journal, and a
/// batch comes into no
/// journal while a mark stands: both look and write in one transaction under one lock (sharding.lock_plans). This rests on rows, not on
/// a session's
/// lock, which a restart of the shard gives up. A shard that went back to before its mark is met at 4, which looks for the mark and for
/// rows.
///
/// At 2, transaction ids would not do: a writer has none until its first change, so one that has looked and not yet
/// written is in no snapshot. But it looked while holding the advisory locks of its slots (write_items, steps 2 and 3), so
/// whoever looked before the mark was committed holds one when the mark has been. Waiting until those very transactions
/// are gone is exact; later ones find the mark.
///
/// A crash leaves a marked collection, which the same command goes on deleting.
/// </remarks>
internal sealed class CollectionDeletion(AdminSession session, string name)
{
    /// <summary>Small enough that no lock, no WAL burst and no replica waits long.</summary>
    private const int BatchRows = 5_000;

    /// <summary>The key begins with the slot, so a range of slots is a range of the index.</summary>
    private const int RangeSlots = 64;

    private static readonly TimeSpan WriterLimit = TimeSpan.FromSeconds(60);

    public async Task<long> RunAsync(ShardRing ring, CancellationToken cancellation)
    {
        await using var held = await AdminLock.TakeAsync(session, ring.Shards, cancellation);
        await RequireNoMoveAsync(ring, cancellation);
        session.LeftOff = $"The collection {name} may be marked as being deleted and takes no writes. The same command completes the deletion.";
        await Reach.AllAsync(ring.Shards, shard => MarkAsync(session.Source(shard), cancellation)); // 1
        await session.Failpoint.ReachedAsync("marked", cancellation);
        await Reach.AllAsync(ring.Shards, shard => WaitForWritersAsync(session.Source(shard), shard, cancellation)); // 2
        var rows = await session.Output.WithProgressAsync($"Deleting {name}", Slot.Count * (double)ring.Shards.Length, async advance => // 3
            (await Reach.AllAsync(ring.Shards, shard => DeleteRowsAsync(session.Source(shard), advance, cancellation))).Values.Sum());
        await session.Failpoint.ReachedAsync("rows-deleted", cancellation);
        var forgotten = await Reach.AllAsync(ring.Shards, shard => ForgetAsync(session.Source(shard), cancellation)); // 4
        if (forgotten.Where(each => !each.Value).Select(each => each.Key).ToArray() is { Length: > 0 } left)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Shard {string.Join(", ", left)} does not know any more that {name} is being deleted, or has rows of it again: it failed over or was restored meanwhile.", $"shardadmin collections delete {name}");
        return rows;
    }

    /// <summary>Before anything is marked. Marking looks again, at each shard, and that look counts.</summary>
    private async Task RequireNoMoveAsync(ShardRing ring, CancellationToken cancellation)
    {
        if (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation) is [var other, ..])
            throw new CommandFailedException(
                ExitCode.Conflict, $"Operation {other.Batch.OperationId} moves slots; a collection is deleted while no slot moves.",
                $"shardadmin ops watch {other.Batch.OperationId}, or: shardadmin ops resume {other.Batch.OperationId}; then the same command again");
    }

    private async Task<bool> MarkAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        try
        {
            return await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select sharding.collection_mark(@name)", new { name }, cancellationToken: cancellation));
        }
        catch (PostgresException e) when (e.SqlState == "SH014")
        {
            throw new CommandFailedException(ExitCode.Conflict, $"A collection is deleted while no slot moves: {e.MessageText}.", "shardadmin ops list; shardadmin ops resume ID; then the same command again");
        }
        catch (PostgresException e) when (e.SqlState == "SH015")
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"No deletion begins at this moment: {e.MessageText}.", $"shardadmin collections delete {name}");
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

    private async Task<long> DeleteRowsAsync(ShardDatabase shard, Action<double> advance, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        var total = 0L;
        for (var first = 0; first < Slot.Count; first += RangeSlots)
        {
            var slots = Enumerable.Range(first, RangeSlots).Select(slot => (short)slot).ToArray();
            int deleted;
            do
            {
                deleted = await connection.ExecuteAsync(new CommandDefinition(
                    """
                    delete from sharding.item i
                    using (select slot, collection, pk, id from sharding.item
                           where slot = any (@slots) and collection = @name limit @limit) batch
                    where i.slot = batch.slot and i.collection = batch.collection and i.pk = batch.pk and i.id = batch.id
                    """,
                    new { slots, name, limit = BatchRows },
                    cancellationToken: cancellation));
                total += deleted;
            }
            while (deleted == BatchRows);
            advance(RangeSlots);
        }
        return total;
    }

    private async Task<bool> ForgetAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select sharding.collection_forget(@name)", new { name }, cancellationToken: cancellation));
    }
}
