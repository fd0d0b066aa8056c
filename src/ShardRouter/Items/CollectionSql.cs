using Npgsql;
using ShardCore.Collections;
using ShardCore.Sessions;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// SQL that names what belongs to one collection: its partition, and the functions that write into it. All of them have the collection's
/// name, in the schema <c>sharding_items</c> (migrations/shard/0010_create_partitions.sql).
/// </summary>
internal static class CollectionSql
{
    private const string NoRows = "(select (null::sharding.item).* where false)";

    private const string Columns = "ord, outcome, version, updated_at, expires_at, doc, detail";

    /// <summary>The partition of the collection, and the name of both functions.</summary>
    public static string NameOf(string collection) => ItemPartitions.NameOf(collection);

    /// <summary>Parameters: slots, partition keys, ids. The columns are those of <c>sharding.read_items</c>.</summary>
    /// <param name="withLog">A further column tells the server's place in its log.</param>
    /// <remarks>LIMIT keeps this one look-up for each key, even if the statistics mislead the planner.</remarks>
    public static string Read(string collection, bool withLog) => $"""
        select k.ord::integer, o.state, o.peer, o.epoch, i.version, i.updated_at, i.expires_at, i.doc{(withLog ? $", (select {LogReading.Sql})" : "")}
        from unnest($1, $2, $3) with ordinality as k (slot, pk, id, ord)
        left join sharding.slot_ownership o on o.slot = k.slot
        left join lateral (
            select item.version, item.updated_at, item.expires_at, item.doc
            from {NameOf(collection)} item
            where item.slot = k.slot and item.collection = {Literal(collection)} and item.pk = k.pk and item.id = k.id
              and (item.expires_at is null or item.expires_at > clock_timestamp())
            limit 1
        ) i on o.state in ('owned', 'frozen')
        """;

    /// <summary>One put without a condition.</summary>
    public static string Put(string collection) => $"select {Columns} from {NameOf(collection)}($1, $2, $3, $4, $5, $6)";

    /// <summary>Many writes.</summary>
    public static string Write(string collection) => $"select {Columns} from {NameOf(collection)}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

    /// <summary>
    /// Runs a statement that reads the collection's partition. If the shard does not have the collection, runs it once more on a table
    /// without rows: then it tells who owns the slots, as ever.
    /// </summary>
    /// <param name="session">The session on which it runs.</param>
    /// <param name="collection">The collection.</param>
    /// <param name="run">Gets the table, for FROM. An alias must follow.</param>
    public static async Task<T> ReadAsync<T>(ShardSession session, string collection, Func<string, Task<T>> run)
    {
        // It may have been made since: a reader must not miss what was written after that.
        if (session.Named.IsMissing(collection) && !await IsThereAsync(session, collection))
            return await run(NoRows);
        try
        {
            return await run(NameOf(collection));
        }
        catch (PostgresException e) when (IsMissing(e))
        {
            if (await IsThereAsync(session, collection))
                return await run(NameOf(collection)); // it has just been made; or something else is missing, which is an error
            session.Named.Miss(collection);
            return await run(NoRows);
        }
    }

    private static async Task<bool> IsThereAsync(ShardSession session, string collection)
    {
        await using var command = new NpgsqlCommand("select to_regclass($1) is not null", session.Connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = NameOf(collection) } },
        };
        return await command.ReadValueAsync<bool>(CancellationToken.None);
    }

    /// <summary>Whether <see cref="ReadAsync"/> gave the collection's partition, and not the table without rows.</summary>
    public static bool IsTable(string table) => table != NoRows;

    /// <summary>The shard does not have the collection, or not any more. Nothing was applied.</summary>
    public static bool IsMissing(PostgresException error) =>
        error.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction;

    /// <inheritdoc cref="ItemPartitions.Literal" />
    public static string Literal(string collection) => ItemPartitions.Literal(collection);
}
