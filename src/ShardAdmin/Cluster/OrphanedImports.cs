using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Finds and ends what a shard imports for moves that are over: it was away when they were cancelled without it.</summary>
/// <remarks>
/// The imports are read first, the journals of all shards after them, and then once more those imports that are in none. A
/// batch stands in its journal from before its import begins until after that has ended, and never again; so what is still there
/// then nobody will end.
///
/// What was brought (<see cref="AbandonedImport"/> removes it) is copies: it is done only while each of these slots has one owner, and not where one of them is owned here.
/// </remarks>
internal sealed class OrphanedImports(AdminSession session)
{
    private const string Sql = """
        select i.move_id as Id, i.source as Source, i.attempt as Attempt, i.slots as Slots,
               array(select o.slot from sharding.slot_ownership o where o.move_id = i.move_id and o.state = 'importing' order by o.slot) as Importing
        from sharding.move_import i order by i.move_id
        """;

    /// <param name="at">The shards that are looked at.</param>
    /// <param name="all">Every shard that may have a journal.</param>
    /// <exception cref="ShardUnreachableException">Without every journal nobody knows.</exception>
    public async Task<IReadOnlyList<OrphanedImport>> FindAsync(IReadOnlyCollection<Shard> at, IReadOnlyCollection<Shard> all, CancellationToken cancellation)
    {
        var imports = await ReadAllAsync(at, cancellation); // before the journals
        if (imports.Count == 0)
            return [];
        var known = (await MoveJournals.UnfinishedAsync(session, all, cancellation)).Select(each => each.Batch.Id).ToHashSet();
        if (imports.All(import => known.Contains(import.Batch)))
            return [];
        var ended = imports.Select(import => import.Batch).Except((await ReadAllAsync(at, cancellation)).Select(import => import.Batch)).ToHashSet();
        return [.. imports.Where(import => !known.Contains(import.Batch) && !ended.Contains(import.Batch))];
    }

    /// <summary>Only under the admin lock of all shards.</summary>
    /// <param name="ring">Whose shards are all asked.</param>
    /// <returns>How many were ended.</returns>
    /// <exception cref="CommandFailedException">Some of its slots has no owner, so what was brought may be all there is.</exception>
    public async Task<int> EndAsync(Shard shard, ShardRing ring, CancellationToken cancellation)
    {
        var orphans = await FindAsync([shard], [.. ring.Shards.Append(shard).DistinctBy(each => each.Id)], cancellation);
        if (orphans.Count == 0)
            return 0;
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        Slot[] unowned = [.. orphans.Where(orphan => orphan.Importing.Count > 0).SelectMany(orphan => orphan.Slots).Where(slot => map.OwnersOf(slot).Count != 1).Distinct().Order()];
        if (unowned.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {shard.Id} imports the slots {SlotText.Of(unowned)} for a move that no journal has, and they do not have exactly one owner.",
                "keep a dump of that database; docs/runbook.md, \"Slots without an owner, or with two\"");
        foreach (var orphan in orphans)
            await Reach.ShardAsync(shard, () => EndAsync(orphan, ring.Epoch, cancellation));
        return orphans.Count;
    }

    private async Task<bool> EndAsync(OrphanedImport orphan, Epoch epoch, CancellationToken cancellation)
    {
        try
        {
            if (orphan.Importing.Count > 0)
                await AbandonedImport.EndAsync(orphan.Shard, orphan.Batch, orphan.Attempt, orphan.Source, orphan.Slots, epoch, session.Access, cancellation);
            else
                await AbandonedImport.FinishAsync(session.Source(orphan.Shard), orphan.Batch, cancellation);
            return true;
        }
        catch (AttemptOverException e)
        {
            throw new CommandFailedException(ExitCode.Conflict, $"Shard {orphan.Shard.Id}: another process works on an import that no journal has. {e.Message}", "shardadmin doctor");
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
            return [.. rows.Select(row => new OrphanedImport(shard, row.Id, new ShardId(row.Source), row.Attempt, SlotsOf(row.Slots), SlotsOf(row.Importing)))];
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            return []; // no shard yet, or one of an older schema, which cannot have moves
        }
    }

    private static Slot[] SlotsOf(short[] numbers) => [.. numbers.Select(number => new Slot(number))];

    /// <summary>By properties: for a constructor Dapper wants the exact type, and an array column says only "array".</summary>
    private sealed class Row
    {
        public Guid Id { get; init; }
        public string Source { get; init; } = "";
        public int Attempt { get; init; }
        public short[] Slots { get; init; } = [];
        public short[] Importing { get; init; } = [];
    }
}
