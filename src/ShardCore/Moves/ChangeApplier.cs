using Npgsql;
using NpgsqlTypes;

namespace ShardCore.Moves;

/// <summary>
/// Applies changes at the target, exactly once and strictly: each must touch exactly one row. One that does not shows
/// that copy and stream do not fit together, and the attempt ends before it can do harm.
/// </summary>
internal sealed class ChangeApplier(AttemptSessions target, MoveImport import)
{
    private const string InsertSql = """
        insert into sharding.item (slot, collection, pk, id, version, updated_at, expires_at, doc)
        select c.slot::smallint, c.collection, c.pk, c.id, c.version::bigint, c.updated_at::timestamptz, c.expires_at::timestamptz, c.doc::jsonb
        from unnest($1, $2, $3, $4, $5, $6, $7, $8) as c (slot, collection, pk, id, version, updated_at, expires_at, doc)
        """;

    private const string UpdateSql = """
        update sharding.item i
        set version = c.version::bigint, updated_at = c.updated_at::timestamptz, expires_at = c.expires_at::timestamptz, doc = coalesce(c.doc::jsonb, i.doc)
        from unnest($1, $2, $3, $4, $5, $6, $7, $8) as c (slot, collection, pk, id, version, updated_at, expires_at, doc)
        where i.slot = c.slot::smallint and i.collection = c.collection and i.pk = c.pk and i.id = c.id
        """;

    private const string DeleteSql = """
        delete from sharding.item i using unnest($1, $2, $3, $4) as c (slot, collection, pk, id)
        where i.slot = c.slot::smallint and i.collection = c.collection and i.pk = c.pk and i.id = c.id
        """;

    /// <param name="applied">Behind the last of these changes; stored in the same transaction.</param>
    /// <exception cref="AttemptOverException" />
    public async Task ApplyAsync(ChangeFold changes, NpgsqlLogSequenceNumber applied, CancellationToken cancellation)
    {
        await using var session = await target.OpenAsync(cancellation);
        var connection = session.Connection;
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await RunAsync(connection, InsertSql, [.. changes.Inserts], cancellation);
        await RunAsync(connection, UpdateSql, [.. changes.Updates], cancellation);
        await DeleteAsync(connection, [.. changes.Deletes], cancellation);
        await import.CheckAsync(connection, applied, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, (RowKey Key, RowValues Values)[] rows, CancellationToken cancellation)
    {
        if (rows.Length == 0)
            return;
        await using var command = new NpgsqlCommand(sql, connection)
        {
            Parameters =
            {
                Texts(rows, row => row.Key.Slot), Texts(rows, row => row.Key.Collection), Texts(rows, row => row.Key.Pk), Texts(rows, row => row.Key.Id),
                Texts(rows, row => row.Values.Version), Texts(rows, row => row.Values.UpdatedAt), Texts(rows, row => row.Values.ExpiresAt), Texts(rows, row => row.Values.Doc),
            },
        };
        RequireEach(rows.Length, await command.ExecuteNonQueryAsync(cancellation));
    }

    private static async Task DeleteAsync(NpgsqlConnection connection, RowKey[] keys, CancellationToken cancellation)
    {
        if (keys.Length == 0)
            return;
        await using var command = new NpgsqlCommand(DeleteSql, connection)
        {
            Parameters = { Texts(keys, key => key.Slot), Texts(keys, key => key.Collection), Texts(keys, key => key.Pk), Texts(keys, key => key.Id) },
        };
        RequireEach(keys.Length, await command.ExecuteNonQueryAsync(cancellation));
    }

    private static void RequireEach(int expected, int touched)
    {
        if (touched != expected)
            throw new ChangesDoNotFitException($"{expected} changes touched {touched} rows at the target: the copy does not fit the stream, this attempt must end.");
    }

    private static NpgsqlParameter<string?[]> Texts<T>(T[] rows, Func<T, string?> value) => new() { TypedValue = Array.ConvertAll(rows, row => value(row)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
