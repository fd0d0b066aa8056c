using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>How far Postgres is with an index (pg_stat_progress_create_index), as one number over all phases.</summary>
internal static class IndexProgress
{
    public const string WaitsText = "waits for older transactions, such as a move or a long query";

    private const string Sql = """
        select p.phase as Phase, c.relname = @relation || '.u' as IsUnique, p.blocks_done as BlocksDone, p.blocks_total as BlocksTotal,
               p.tuples_done as TuplesDone, p.tuples_total as TuplesTotal
        from pg_stat_progress_create_index p join pg_class c on c.oid = p.index_relid
        where p.datname = current_database() and c.relnamespace = 'sharding_items'::regnamespace
          and c.relname in (@relation, @relation || '.u') and p.phase is not null
        limit 1
        """;

    /// <summary>Never less than it was: a build that begins anew does not go back.</summary>
    private const string NoteSql = """
        update sharding.item_index set progress = greatest(progress, @share)
        where collection = @Collection and name = @Name and state = 'building'
        """;

    public static bool IsWaiting(string? phase) => phase?.StartsWith("waiting for", StringComparison.Ordinal) == true;

    /// <summary>Reads the progress and notes it in the definition, where <c>indexes list</c> and routers see it.</summary>
    /// <returns>The share that is done, 0…1, and the phase; null: nobody builds it now, or this user may not see that.</returns>
    public static async Task<(double Share, string Phase)?> NoteAsync(
        AdminSession session, Shard shard, IndexInShard index, CancellationToken cancellation)
    {
        Seen? seen;
        // Not as the owner: a user sees the statements of its own login, whatever role that login plays.
        await using (var own = await session.Owners.Of(shard).OpenAsync(cancellation))
            seen = await own.QuerySingleOrDefaultAsync<Seen>(
                new CommandDefinition(Sql, new { relation = index.Relation }, cancellationToken: cancellation));
        if (seen is null)
            return null;
        var share = ShareOf(seen, index.IsUnique);
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        await connection.ExecuteAsync(new CommandDefinition(
            NoteSql, new { share = (float)share, index.Collection, index.Name }, cancellationToken: cancellation));
        return (share, seen.Phase);
    }

    /// <summary>A unique index is built in two statements, the first of which is for uniqueness.</summary>
    internal static double ShareOf(Seen seen, bool isUnique)
    {
        var statement = ShareOf(seen);
        return !isUnique ? statement : seen.IsUnique ? statement / 2 : (1 + statement) / 2;
    }

    private static double ShareOf(Seen seen)
    {
        var (from, to, done, total) = seen.Phase switch
        {
            "initializing" or "waiting for writers before build" => (0, 0, 0, 0),
            "building index: scanning table" => (0, 0.45, seen.BlocksDone, seen.BlocksTotal),
            "building index: loading tuples in tree" => (0.5, 0.7, seen.TuplesDone, seen.TuplesTotal),
            "waiting for writers before validation" => (0.7, 0.7, 0, 0),
            "index validation: scanning index" => (0.7, 0.75, seen.BlocksDone, seen.BlocksTotal),
            "index validation: scanning table" => (0.75, 0.95, seen.BlocksDone, seen.BlocksTotal),
            "waiting for old snapshots" => (0.95, 0.95, 0, 0),
            _ when seen.Phase.StartsWith("building", StringComparison.Ordinal) => (0.45, 0.45, 0, 0),
            _ when seen.Phase.StartsWith("index validation", StringComparison.Ordinal) => (0.75, 0.75, 0, 0),
            _ => (0.0, 0.0, 0L, 0L),
        };
        return total <= 0 ? from : from + ((to - from) * Math.Clamp((double)done / total, 0, 1));
    }

    /// <param name="IsUnique">It is the statement for uniqueness.</param>
    internal sealed record Seen(string Phase, bool IsUnique, long BlocksDone, long BlocksTotal, long TuplesDone, long TuplesTotal);
}
