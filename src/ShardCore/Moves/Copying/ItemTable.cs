using Dapper;
using Npgsql;
using ShardCore.Collections;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>Checks that the source's <c>sharding.item</c> is still as a move expects it.</summary>
/// <remarks>
/// The pre-flight check has looked at the schema, but a move may take hours, and people have psql. Two changes would lose data without an
/// error.
/// The first is a column that the copy, the stream and the comparison do not name. It is looked for before the copy, before each freeze,
/// and once more before the source's rows are deleted.
/// The second is a rewrite of the table between the snapshot and the copy (ALTER TABLE with a new type or a volatile default, TRUNCATE):
/// every older snapshot sees a rewritten table as empty.
/// </remarks>
internal static class ItemTable
{
    /// <summary>The columns that are copied, streamed and compared (<see cref="HandingOver.SlotChecksums.RowHash"/>).</summary>
    public const string Columns = "version, updated_at, expires_at, slot, collection, pk, id, doc";

    private const string OthersSql = $$"""
        select string_agg(attname::text, ', ' order by attnum) from pg_attribute
        where attrelid = 'sharding.item'::regclass and attnum > 0 and not attisdropped
              and attname::text <> all (string_to_array('{{Columns}}', ', '))
        """;

    // pg_class shows the table as of the snapshot, and the function shows it as of now. The lock, which the copy would take anyway, keeps
    // it so.
    private static string SameSql(ItemPartitionGroup group) => $"""
        lock table {group.Tables} in access share mode;
        select count(*) = {group.Collections.Count} and bool_and(relfilenode = pg_relation_filenode(oid))
        from pg_class where relnamespace = 'sharding_items'::regnamespace and relname in ({group.Names})
        """;

    /// <param name="then">A sentence for the message: what has been done and what has not.</param>
    /// <exception cref="MoveFailedException">The table has columns that a move does not bring.</exception>
    public static async Task RequireNoOtherColumnAsync(
        ShardDatabase source, ShardId shard, Guid batch, string then, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        if (await connection.ExecuteScalarAsync<string?>(new CommandDefinition(OthersSql, cancellationToken: cancellation)) is { } others)
            throw new MoveFailedException(
                $"Batch {batch}: somebody gave sharding.item at {shard} columns that a move does not bring: {others}. {then} "
                    + "Save what is in them elsewhere, then 'alter table sharding.item drop column …' there.");
    }

    /// <summary>
    /// The groups of partitions that have rows. A partition without a page has none in any snapshot, unless it was rewritten since.
    /// </summary>
    /// <param name="connection">It must be in a transaction that uses the snapshot and has not read the table yet.</param>
    /// <exception cref="ChangesDoNotFitException" />
    public static async Task<IReadOnlyList<ItemPartitionGroup>> FilledAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var partitions = await ItemPartitions.ListAsync(connection, cancellation);
        if (partitions.FirstOrDefault(each => !each.IsAsSeen) is { } rewritten)
            throw Rewritten(rewritten.Collection);
        return ItemPartitions.Groups(partitions.Where(each => each.Bytes > 0));
    }

    /// <summary>Locks the partitions of the group, so that nobody rewrites them while they are copied.</summary>
    /// <param name="connection">It must be in a transaction that uses the snapshot and has not read the group yet.</param>
    /// <exception cref="ChangesDoNotFitException" />
    public static async Task RequireNotRewrittenAsync(NpgsqlConnection connection, ItemPartitionGroup group, CancellationToken cancellation)
    {
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(SameSql(group), cancellationToken: cancellation)))
            throw Rewritten(group.Tables);
    }

    private static ChangesDoNotFitException Rewritten(string what) => new(
        $"sharding.item ({what}) was rewritten (ALTER TABLE, VACUUM FULL, TRUNCATE) since the snapshot that was to be copied. "
            + "The snapshot may show no rows of it, so this attempt must end.");
}
