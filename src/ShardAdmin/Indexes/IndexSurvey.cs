using Dapper;
using Npgsql;
using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>Reads the indexes of all shards. Changes nothing.</summary>
internal static class IndexSurvey
{
    private const string StraySql = """
        select c.relname::text from pg_index x join pg_class c on c.oid = x.indexrelid
        where c.relnamespace = 'sharding_items'::regnamespace and not x.indisprimary and strpos(c.relname, '.') > 0
          and c.relname not like '%.expires\_at'
          and not exists (select from sharding.indexes() i where c.relname in (i.relation, i.relation || '.u') and i.state <> 'dropped')
        order by 1
        """;

    private static readonly string AllSql = $"select {IndexInShard.Columns} from sharding.indexes() i order by i.collection, i.name";

    private static readonly string OneSql =
        $"select {IndexInShard.Columns} from sharding.indexes() i where i.collection = @Collection and i.name = @Name";

    /// <returns>The indexes of all shards that answer, by collection and name; and what is wrong with the others. None is gone.</returns>
    public static async Task<IReadOnlyList<IndexSight>> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(shards, shard => ReadAsync(session, shard, cancellation));
        return Of(
            answers.Where(answer => answer.Value.Answer is not null).ToDictionary(answer => answer.Key, answer => answer.Value.Answer!),
            [.. answers.Values.Select(answer => answer.Problem?.Message).OfType<string>()]);
    }

    /// <summary>The indexes of all shards, all of which must answer.</summary>
    /// <exception cref="ShardUnreachableException" />
    public static async Task<IReadOnlyList<IndexSight>> RequireAllAsync(
        AdminSession session, ShardRing ring, CancellationToken cancellation) =>
        Of(await Reach.AllAsync(ring.Shards, shard => ReadAsync(session, shard, cancellation)), []);

    /// <exception cref="CommandFailedException">Not every shard has the collection.</exception>
    public static async Task RequireCollectionAsync(AdminSession session, ShardRing ring, string collection, CancellationToken cancellation)
    {
        var line = (await CollectionSurvey.ReadAsync(session, ring.Shards, cancellation)).FirstOrDefault(each => each.Name == collection);
        if (line is null)
            throw new CommandFailedException(ExitCode.NotFound, $"There is no collection {collection}.", "shardadmin collections list");
        if (line.State == "beingDeleted")
            throw new CommandFailedException(
                ExitCode.Conflict, $"The collection {collection} is being deleted.",
                $"shardadmin collections delete {collection}   (completes the deletion)");
        if (line.State != "live")
            throw new CommandFailedException(
                ExitCode.Precondition, $"Not every shard has the collection {collection}.",
                $"shardadmin collections create {collection}   (completes it)");
    }

    /// <summary>
    /// Requires that a shard which is to take slots has every index that is ready elsewhere. One that has just joined has built them when
    /// their definitions came; one that lost them gets them back from an agent.
    /// </summary>
    /// <exception cref="CommandFailedException" />
    public static async Task RequireBuiltAsync(AdminSession session, ShardRing ring, Shard target, CancellationToken cancellation)
    {
        var lacking = (await RequireAllAsync(session, ring, cancellation)).FirstOrDefault(each =>
            each.Known.Any(index => index.State == "ready" && index.IsValid)
            && each.Shards.GetValueOrDefault(target.Id) is not { IsValid: true });
        if (lacking is not null)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {target.Id} does not have the index {lacking.Key} yet.",
                $"shardadmin indexes build {lacking.Key.Collection} {lacking.Key.Name}; then the same command again");
    }

    /// <param name="silent">What is wrong with the shards that did not answer.</param>
    public static IReadOnlyList<IndexSight> Of(
        IReadOnlyDictionary<ShardId, IReadOnlyList<IndexInShard>> byShard, IReadOnlyList<string> silent) =>
        [.. byShard.Values.SelectMany(each => each.Select(index => index.Key)).Distinct()
            .OrderBy(key => key.Collection, StringComparer.Ordinal).ThenBy(key => key.Name, StringComparer.Ordinal)
            .Select(key => new IndexSight(
                key, byShard.ToDictionary(shard => shard.Key, shard => shard.Value.FirstOrDefault(index => index.Key == key)), silent))
            .Where(sight => sight.State != "gone")];

    /// <summary>One index, as the shards that answer have it.</summary>
    public static async Task<IndexSight> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, IndexKey key, CancellationToken cancellation)
    {
        var answers = await Reach.TryAllAsync(shards, async shard => new Found(await FindAsync(session, shard, key, cancellation)));
        return new IndexSight(
            key,
            answers.Where(answer => answer.Value.Answer is not null)
                .ToDictionary(answer => answer.Key, answer => answer.Value.Answer!.Index),
            [.. answers.Values.Select(answer => answer.Problem?.Message).OfType<string>()]);
    }

    /// <returns>Null: this shard has no such definition.</returns>
    public static async Task<IndexInShard?> FindAsync(AdminSession session, Shard shard, IndexKey key, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        return await connection.QuerySingleOrDefaultAsync<IndexInShard>(new CommandDefinition(
            OneSql, new { key.Collection, key.Name }, cancellationToken: cancellation));
    }

    /// <returns>The indexes of one shard; none, if its schema does not have them yet.</returns>
    public static async Task<IReadOnlyList<IndexInShard>> ReadAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            return [.. await connection.QueryAsync<IndexInShard>(new CommandDefinition(AllSql, cancellationToken: cancellation))];
        }
        catch (PostgresException e) when (IsOlderSchema(e))
        {
            return [];
        }
    }

    /// <returns>Names of indexes of items that no definition has; none, if the shard's schema has no definitions yet.</returns>
    public static async Task<IReadOnlyList<string>> StrayAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        await using var connection = await session.Source(shard).OpenAsync(cancellation);
        try
        {
            return [.. await connection.QueryAsync<string>(new CommandDefinition(StraySql, cancellationToken: cancellation))];
        }
        catch (PostgresException e) when (IsOlderSchema(e))
        {
            return [];
        }
    }

    private static bool IsOlderSchema(PostgresException e) => e.SqlState
        is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InvalidSchemaName;

    private sealed record Found(IndexInShard? Index);
}
