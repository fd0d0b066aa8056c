using Npgsql;
using NpgsqlTypes;
using ShardCore.Collections;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Sessions;
using ShardCore.Sessions;

namespace ShardCore.Moves.Changes;

/// <summary>
/// Applies changes at the target, exactly once and strictly: each change must touch exactly one row. If one does not, copy and stream do
/// not fit together, and the attempt ends before it can do harm.
/// </summary>
/// <remarks>
/// Unique indexes. Many changes of the source are one transaction here, in another order: a row that takes a value may come before the one
/// that gives it up. At the source every change was checked when it was made, so each state between two changes had no value twice, and
/// neither has the state at the end of these. But here a statement is checked row by row. Deletes come first therefore; lists of a fold have
/// no row in common, so their order is free. Where a value goes from one row to another by updates, that does not help. Then Postgres
/// refuses, nothing of the transaction stays, and it is done once more: all rows that are changed are taken out, and then put in as they are
/// in the end. It is slower, so it is not the usual way.
/// </remarks>
internal sealed class ChangeApplier : IAsyncDisposable
{
    private static string InsertSql(string collection) => $"""
        insert into {ItemPartitions.NameOf(collection)} (slot, collection, pk, id, version, updated_at, expires_at, doc)
        select c.slot::smallint, {ItemPartitions.Literal(collection)}, c.pk, c.id,
               c.version::bigint, c.updated_at::timestamptz, c.expires_at::timestamptz, c.doc::jsonb
        from unnest($1, $2, $3, $4, $5, $6, $7) as c (slot, pk, id, version, updated_at, expires_at, doc)
        """;

    private static string UpdateSql(string collection) => $"""
        update {ItemPartitions.NameOf(collection)} i
        set version = c.version::bigint, updated_at = c.updated_at::timestamptz, expires_at = c.expires_at::timestamptz,
            doc = coalesce(c.doc::jsonb, i.doc)
        from unnest($1, $2, $3, $4, $5, $6, $7) as c (slot, pk, id, version, updated_at, expires_at, doc)
        where i.slot = c.slot::smallint and i.collection = {ItemPartitions.Literal(collection)} and i.pk = c.pk and i.id = c.id
        """;

    private static string DeleteSql(string collection) => $"""
        delete from {ItemPartitions.NameOf(collection)} i using unnest($1, $2, $3) as c (slot, pk, id)
        where i.slot = c.slot::smallint and i.collection = {ItemPartitions.Literal(collection)} and i.pk = c.pk and i.id = c.id
        """;

    /// <summary>
    /// Takes the rows out and puts them in as they are in the end, in one statement. A row that this statement has deleted counts no more
    /// for uniqueness. The sort ends only when it has read the count of all rows that were taken out, so the first row is put in after the
    /// last was taken out. A document that did not come (unchanged TOAST) is the one that was taken out.
    /// </summary>
    private static string ReplaceSql(string collection) => $"""
        with changed as materialized (
            select c.slot::smallint as slot, c.pk, c.id, c.version::bigint as version, c.updated_at::timestamptz as updated_at,
                   c.expires_at::timestamptz as expires_at, c.doc::jsonb as doc, c.was_there
            from unnest($1, $2, $3, $4, $5, $6, $7, $8) as c (slot, pk, id, version, updated_at, expires_at, doc, was_there)
        ), taken as materialized (
            delete from {ItemPartitions.NameOf(collection)} i using changed c
            where c.was_there and i.slot = c.slot and i.collection = {ItemPartitions.Literal(collection)} and i.pk = c.pk and i.id = c.id
            returning i.slot, i.pk, i.id, i.doc
        ), put as (
            insert into {ItemPartitions.NameOf(collection)} (slot, collection, pk, id, version, updated_at, expires_at, doc)
            select c.slot, {ItemPartitions.Literal(collection)}, c.pk, c.id, c.version, c.updated_at, c.expires_at, coalesce(c.doc, t.doc)
            from changed c
            cross join (select count(*) as rows from taken) all_of_them
            left join taken t on t.slot = c.slot and t.pk = c.pk and t.id = c.id
            where c.version is not null and (t.id is not null or not c.was_there)
            order by all_of_them.rows, c.slot, c.pk, c.id
            returning 1
        )
        select (select count(*) from taken), (select count(*) from put)
        """;

    private readonly AttemptSession _session;
    private readonly MoveImport _import;
    private readonly CollectionTransfer _collections;

    private ChangeApplier(AttemptSession session, MoveImport import, CollectionTransfer collections) =>
        (_session, _import, _collections) = (session, import, collections);

    /// <summary>
    /// Opens a session that the applier keeps. To take a session from the pool for each transaction would cost two more round trips, and
    /// writers would wait for the last of them.
    /// </summary>
    public static async Task<ChangeApplier> OpenAsync(
        AttemptSessions target, MoveImport import, CollectionTransfer collections, CancellationToken cancellation) =>
        new(await target.OpenAsync(cancellation), import, collections);

    /// <param name="applied">
    /// The position behind the last transaction that is complete with these changes. It is stored in the same transaction. Null: no
    /// transaction is complete.
    /// </param>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="ChangesDoNotFitException" />
    public async Task ApplyAsync(ChangeFold changes, NpgsqlLogSequenceNumber? applied, CancellationToken cancellation)
    {
        var byCollection = changes.ByCollection();
        await _collections.EnsureAsync([.. byCollection.Keys], cancellation);
        try
        {
            await ApplyAsync(byCollection, applied, cancellation);
        }
        catch (PostgresException e) when (IsOfUniqueIndex(e))
        {
            await ReplaceAsync(byCollection, applied, cancellation);
        }
    }

    private async Task ApplyAsync(
        IReadOnlyDictionary<string, ChangeFold> byCollection, NpgsqlLogSequenceNumber? applied, CancellationToken cancellation)
    {
        var connection = _session.Connection;
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        await using var statements = new NpgsqlBatch(connection);
        var expected = new List<int>();
        foreach (var (collection, some) in byCollection)
        {
            if (some.Deletes.ToArray() is { Length: > 0 } deleted)
                Expect(deleted.Length, new NpgsqlBatchCommand(DeleteSql(collection))
                {
                    Parameters = { Texts(deleted, key => key.Slot), Texts(deleted, key => key.Pk), Texts(deleted, key => key.Id) },
                });
            Add(UpdateSql(collection), [.. some.Updates]);
            Add(InsertSql(collection), [.. some.Inserts]);
        }
        statements.BatchCommands.Add(_import.Check(applied));
        await MoveImport.RunAsync(statements, cancellation);
        for (var statement = 0; statement < expected.Count; statement++)
            RequireEach(expected[statement], statements.BatchCommands[statement].RecordsAffected); // before the commit
        await transaction.CommitAsync(cancellation);

        void Add(string sql, (RowKey Key, RowValues Values)[] rows)
        {
            if (rows.Length == 0)
                return;
            var statement = new NpgsqlBatchCommand(sql);
            AddColumns(statement.Parameters, [.. rows.Select(row => (row.Key, (RowValues?)row.Values))]);
            Expect(rows.Length, statement);
        }

        void Expect(int rows, NpgsqlBatchCommand statement)
        {
            expected.Add(rows);
            statements.BatchCommands.Add(statement);
        }
    }

    /// <summary>The same changes where values of a unique index go from one row to another.</summary>
    private async Task ReplaceAsync(
        IReadOnlyDictionary<string, ChangeFold> byCollection, NpgsqlLogSequenceNumber? applied, CancellationToken cancellation)
    {
        var connection = _session.Connection;
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, cancellation);
        foreach (var (collection, some) in byCollection)
        {
            (RowKey Key, RowValues? Values, bool WasThere)[] rows =
            [
                .. some.Deletes.Select(key => (key, (RowValues?)null, true)),
                .. some.Updates.Select(row => (row.Key, (RowValues?)row.Values, true)),
                .. some.Inserts.Select(row => (row.Key, (RowValues?)row.Values, false)),
            ];
            await using var statement = new NpgsqlCommand(ReplaceSql(collection), connection);
            AddColumns(statement.Parameters, [.. rows.Select(row => (row.Key, row.Values))]);
            statement.Parameters.Add(new NpgsqlParameter<bool[]> { TypedValue = Array.ConvertAll(rows, row => row.WasThere) });
            var (taken, put) = (await statement.ReadAllAsync(row => (row.GetInt64(0), row.GetInt64(1)), cancellation))[0];
            RequireEach(rows.Count(row => row.WasThere), taken);
            RequireEach(rows.Count(row => row.Values is not null), put);
        }
        await using var check = new NpgsqlBatch(connection) { BatchCommands = { _import.Check(applied) } };
        await MoveImport.RunAsync(check, cancellation);
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>The name of an index that keeps values unique ends so (<c>sharding.index_statements</c>). A primary key's does not.</summary>
    private static bool IsOfUniqueIndex(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.UniqueViolation && e.ConstraintName?.EndsWith(".u", StringComparison.Ordinal) == true;

    private static void RequireEach(int expected, long touched)
    {
        if (touched != expected)
            throw new ChangesDoNotFitException(
                $"{expected} changes touched {touched} rows at the target: the copy does not fit the stream, so this attempt must end.");
    }

    public ValueTask DisposeAsync() => _session.DisposeAsync();

    private static void AddColumns(NpgsqlParameterCollection parameters, (RowKey Key, RowValues? Values)[] rows)
    {
        parameters.Add(Texts(rows, row => row.Key.Slot));
        parameters.Add(Texts(rows, row => row.Key.Pk));
        parameters.Add(Texts(rows, row => row.Key.Id));
        parameters.Add(Texts(rows, row => row.Values?.Version));
        parameters.Add(Texts(rows, row => row.Values?.UpdatedAt));
        parameters.Add(Texts(rows, row => row.Values?.ExpiresAt));
        parameters.Add(Texts(rows, row => row.Values?.Doc));
    }

    private static NpgsqlParameter<string?[]> Texts<T>(T[] rows, Func<T, string?> value) =>
        new() { TypedValue = Array.ConvertAll(rows, row => value(row)), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
