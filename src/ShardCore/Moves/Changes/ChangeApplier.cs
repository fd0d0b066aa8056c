using Npgsql;
using NpgsqlTypes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Shards;

namespace ShardCore.Moves.Changes;

/// <summary>
/// Applies changes at the target, exactly once and strictly: each must touch exactly one row. One that does not shows
/// that copy and stream do not fit together, and the attempt ends before it can do harm.
/// </summary>
internal sealed class ChangeApplier : IAsyncDisposable
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

    private readonly AttemptSession _session;
    private readonly MoveImport _import;

    private ChangeApplier(AttemptSession session, MoveImport import) => (_session, _import) = (session, import);

    /// <summary>With a session that stays its own: to take one for each transaction would be two flights more, the last of them while writers wait.</summary>
    public static async Task<ChangeApplier> OpenAsync(AttemptSessions target, MoveImport import, CancellationToken cancellation) =>
        new(await target.OpenAsync(cancellation), import);

    /// <param name="applied">Behind the last transaction that is whole with these changes; stored in the same transaction. Null: none is.</param>
    /// <exception cref="AttemptOverException" />
    public async Task ApplyAsync(ChangeFold changes, NpgsqlLogSequenceNumber? applied, CancellationToken cancellation)
    {
        var connection = _session.Connection;
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await using var statements = new NpgsqlBatch(connection);
        var expected = new List<int>();
        Add(InsertSql, [.. changes.Inserts]);
        Add(UpdateSql, [.. changes.Updates]);
        if (changes.Deletes.ToArray() is { Length: > 0 } deleted)
            Expect(deleted.Length, new NpgsqlBatchCommand(DeleteSql) { Parameters = { Texts(deleted, key => key.Slot), Texts(deleted, key => key.Collection), Texts(deleted, key => key.Pk), Texts(deleted, key => key.Id) } });
        statements.BatchCommands.Add(_import.Check(applied));
        await MoveImport.RunAsync(statements, cancellation);
        for (var statement = 0; statement < expected.Count; statement++)
            RequireEach(expected[statement], statements.BatchCommands[statement].RecordsAffected); // before the commit
        await transaction.CommitAsync(cancellation);

        void Add(string sql, (RowKey Key, RowValues Values)[] rows)
        {
            if (rows.Length > 0)
                Expect(rows.Length, new NpgsqlBatchCommand(sql)
                {
                    Parameters =
                    {
                        Texts(rows, row => row.Key.Slot), Texts(rows, row => row.Key.Collection), Texts(rows, row => row.Key.Pk), Texts(rows, row => row.Key.Id),
                        Texts(rows, row => row.Values.Version), Texts(rows, row => row.Values.UpdatedAt), Texts(rows, row => row.Values.ExpiresAt), Texts(rows, row => row.Values.Doc),
                    },
                });
        }

        void Expect(int rows, NpgsqlBatchCommand statement)
        {
            expected.Add(rows);
            statements.BatchCommands.Add(statement);
        }
    }

    private static void RequireEach(int expected, long touched)
    {
        if (touched != expected)
            throw new ChangesDoNotFitException($"{expected} changes touched {touched} rows at the target: the copy does not fit the stream, this attempt must end.");
    }

    public ValueTask DisposeAsync() => _session.DisposeAsync();

    private static NpgsqlParameter<string?[]> Texts<T>(T[] rows, Func<T, string?> value) => new() { TypedValue = Array.ConvertAll(rows, row => value(row)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
