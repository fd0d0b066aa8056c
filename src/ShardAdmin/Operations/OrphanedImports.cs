using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Shards;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Sessions;

namespace ShardAdmin.Operations;

/// <summary>
/// Finds and ends imports of moves that are over. They are left in a shard that was away when the moves were cancelled without it.
/// </summary>
/// <remarks>
/// Order: first the imports are read, then the journals of all shards, then the imports again. A batch stands in its journal from before
/// its import begins until after its import has ended, and never comes back. Therefore no mover will ever end an import that both readings
/// show and that is in no journal.
///
/// The rows that such an import brought are copies, and <see cref="AbandonedImport"/> deletes them. It does so only while each of the
/// slots has exactly one owner, and not if this shard owns one of them.
/// </remarks>
internal sealed class OrphanedImports(AdminSession session)
{
    private const string Sql = """
        select i.move_id as Id, i.source as Source, i.attempt as Attempt, i.slots as Slots,
               array(select o.slot from sharding.slot_ownership o
                     where o.move_id = i.move_id and o.state = 'importing' order by o.slot) as Importing
        from sharding.move_import i order by i.move_id
        """;

    /// <param name="at">The shards whose imports are examined.</param>
    /// <param name="all">All shards that may have a journal.</param>
    /// <exception cref="ShardUnreachableException">A shard does not answer; all journals are needed.</exception>
    public async Task<IReadOnlyList<OrphanedImport>> FindAsync(
        IReadOnlyCollection<Shard> at, IReadOnlyCollection<Shard> all, CancellationToken cancellation)
    {
        var imports = await ReadAllAsync(at, cancellation); // must come before the journals
        if (imports.Count == 0)
            return [];
        var known = (await MoveJournals.UnfinishedAsync(session, all, cancellation)).Select(each => each.Batch.Id).ToHashSet();
        if (imports.All(import => known.Contains(import.Batch)))
            return [];
        var ended = imports.Select(import => import.Batch)
            .Except((await ReadAllAsync(at, cancellation)).Select(import => import.Batch)).ToHashSet();
        return [.. imports.Where(import => !known.Contains(import.Batch) && !ended.Contains(import.Batch))];
    }

    /// <summary>Ends the orphaned imports of a shard. The caller holds the admin lock of all shards.</summary>
    /// <param name="ring">The ring; all its shards are asked.</param>
    /// <returns>How many imports were ended.</returns>
    /// <exception cref="CommandFailedException">One of the slots does not have exactly one owner: the imported rows may be the only
    /// copy.</exception>
    public async Task<int> EndAsync(Shard shard, ShardRing ring, CancellationToken cancellation)
    {
        var orphans = await FindAsync([shard], [.. ring.Shards.Append(shard).DistinctBy(each => each.Id)], cancellation);
        if (orphans.Count == 0)
            return 0;
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        Slot[] unowned = [.. orphans.Where(orphan => orphan.Importing.Count > 0).SelectMany(orphan => orphan.Slots)
            .Where(slot => map.OwnersOf(slot).Count != 1).Distinct().Order()];
        if (unowned.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Shard {shard.Id} imports the slots {SlotText.Of(unowned)} for a move that no journal has, and they do not have exactly "
                + "one owner.",
                "keep a dump of that database; docs/operations/runbook.md, \"Slots without an owner, or with two\"");
        foreach (var orphan in orphans)
            await Reach.ShardAsync(shard, () => EndAsync(orphan, ring.Epoch, cancellation));
        return orphans.Count;
    }

    private async Task<bool> EndAsync(OrphanedImport orphan, Epoch epoch, CancellationToken cancellation)
    {
        try
        {
            if (orphan.Importing.Count > 0)
                await AbandonedImport.EndAsync(
                    orphan.Shard, orphan.Batch, orphan.Attempt, orphan.Source, orphan.Slots, epoch, session.Access, cancellation);
            else
                await AbandonedImport.FinishAsync(session.Source(orphan.Shard), orphan.Batch, cancellation);
            return true;
        }
        catch (AttemptOverException e)
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"Shard {orphan.Shard.Id}: another process works on an import that no journal has. {e.Message}",
                "shardadmin doctor");
        }
    }

    private async Task<IReadOnlyList<OrphanedImport>> ReadAllAsync(IReadOnlyCollection<Shard> at, CancellationToken cancellation) =>
        [.. (await Reach.AllAsync(at, shard => ReadAsync(shard, cancellation))).Values.SelectMany(found => found)];

    private async Task<IReadOnlyList<OrphanedImport>> ReadAsync(Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            var rows = await connection.QueryAsync<Row>(new CommandDefinition(Sql, cancellationToken: cancellation));
            return [.. rows.Select(row => new OrphanedImport(
                shard, row.Id, new ShardId(row.Source), row.Attempt, SlotsOf(row.Slots), SlotsOf(row.Importing)))];
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // the database is not a shard yet, or has an older schema, which has no moves
        }
    }

    private static Slot[] SlotsOf(short[] numbers) => [.. numbers.Select(number => new Slot(number))];

    /// <summary>
    /// Dapper fills the properties. A constructor would not do: Dapper compares its parameters' exact types, and the type of an array
    /// column is only "array".
    /// </summary>
    private sealed class Row
    {
        public Guid Id { get; init; }
        public string Source { get; init; } = "";
        public int Attempt { get; init; }
        public short[] Slots { get; init; } = [];
        public short[] Importing { get; init; } = [];
    }
}

/// <summary>A batch that a shard imports and that is in no journal: no mover will ever end the import.</summary>
/// <param name="Attempt">The last attempt of the batch.</param>
/// <param name="Slots">All slots of the batch.</param>
/// <param name="Importing">The slots that are still "importing": no other move can bring them to this shard.</param>
internal sealed record OrphanedImport(
    Shard Shard, Guid Batch, ShardId Source, int Attempt, IReadOnlyList<Slot> Slots, IReadOnlyList<Slot> Importing)
{
    /// <summary>The command that ends the import.</summary>
    public string Mend => $"shardadmin {AddressOptions.AddShard(Shard)} --no-rebalance";
}
