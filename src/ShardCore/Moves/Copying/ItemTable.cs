using Dapper;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>The source's <c>sharding.item</c> as a move takes it to be, and whether somebody changed it meanwhile.</summary>
/// <remarks>
/// The pre-flight has looked at the schema, but a move may take hours, and people have psql. Two changes would lose data
/// without a word. A column that the copy, the stream and the comparison do not name: it is looked for before the copy, before each freeze, and
/// once more before the source's rows are deleted. And a rewrite (ALTER TABLE with a new type or a volatile default, TRUNCATE) between the
/// snapshot and the copy: such a table is empty for every older snapshot.
/// </remarks>
internal static class ItemTable
{
    /// <summary>What is copied, streamed and compared (<see cref="HandingOver.SlotChecksums.RowHash"/>).</summary>
    public const string Columns = "version, updated_at, expires_at, slot, collection, pk, id, doc";

    private const string OthersSql = $$"""
        select string_agg(attname::text, ', ' order by attnum) from pg_attribute
        where attrelid = 'sharding.item'::regclass and attnum > 0 and not attisdropped and attname::text <> all (string_to_array('{{Columns}}', ', '))
        """;

    // The catalog's table as of the snapshot, the function as of now; and the lock, which the copy would take anyway, keeps it so.
    private const string SameSql = """
        lock table sharding.item in access share mode;
        select relfilenode = pg_relation_filenode(oid) from pg_class where oid = 'sharding.item'::regclass
        """;

    /// <param name="then">What has been done and not done, for the message.</param>
    /// <exception cref="MoveFailedException">It has columns that a move does not bring.</exception>
    public static async Task RequireNoOtherColumnAsync(ShardDatabase source, ShardId shard, Guid batch, string then, CancellationToken cancellation)
    {
        await using var connection = await source.OpenAsync(cancellation);
        if (await connection.ExecuteScalarAsync<string?>(new CommandDefinition(OthersSql, cancellationToken: cancellation)) is { } others)
            throw new MoveFailedException(
                $"Batch {batch}: somebody gave sharding.item at {shard} columns that a move does not bring: {others}. {then} Save what is in them elsewhere, then 'alter table sharding.item drop column …' there.");
    }

    /// <param name="connection">In a transaction that looks at the snapshot and has not looked at the table yet.</param>
    /// <exception cref="ChangesDoNotFitException" />
    public static async Task RequireNotRewrittenAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(SameSql, cancellationToken: cancellation)))
            throw new ChangesDoNotFitException("sharding.item was rewritten (ALTER TABLE, VACUUM FULL, TRUNCATE) since the snapshot that was to be copied, which may show nothing of it: this attempt must end.");
    }
}
