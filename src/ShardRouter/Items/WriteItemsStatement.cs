using Npgsql;
using NpgsqlTypes;
using ShardRouter.Gathering;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// Many writes in one round trip. Each is independent, or all are applied or none. Writes to one collection go by its own function, and a
/// plain put that comes alone by <see cref="PutItemStatement"/>; in a transaction a refusal must be an error, so there even a single put goes
/// by the function for many. Writes to several collections, and to one that the shard does not have, go by <c>sharding.write_items</c>. So do
/// plain puts to one collection when the session has called the functions of many collections already.
/// </summary>
internal sealed class WriteItemsStatement : IGatheredStatement<WriteOperation, WriteResult>
{
    private const string Sql =
        "select ord, outcome, version, updated_at, expires_at, doc, detail, by_function "
        + "from sharding.write_items($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

    private const int CollectionsAt = 3; // among the parameters of write_items; those of a collection's function lack it

    private readonly ShardSession _session;
    private readonly bool _atomic;
    private readonly long _mostReturned;
    private readonly bool _mayFail;
    private readonly NpgsqlCommand _command;
    private readonly NpgsqlCommand _named; // for one collection
    private string? _namedCollection;
    private PutItemStatement? _put; // made when the first put comes alone: a batch or a transaction needs none
    private readonly List<string> _kinds = [];
    private readonly List<short> _slots = [];
    private readonly List<string> _collections = [];
    private readonly List<string> _partitionKeys = [];
    private readonly List<string> _ids = [];
    private readonly List<byte[]?> _docs = [];
    private readonly List<string> _conditions = [];
    private readonly List<string?> _versions = [];
    private readonly List<int?> _ttls = [];
    private readonly List<bool> _returnDocs = [];

    /// <param name="session">It keeps the statements prepared.</param>
    /// <param name="atomic">All operations are applied, or none.</param>
    /// <param name="mostReturned">
    /// The most bytes of returned documents together. Those for which there is no room are left out of the answers; the first one never is.
    /// </param>
    /// <param name="mayFail">
    /// False: it is in a transaction, which an error would end. So it does not try what fails if the shard lacks the collection.
    /// </param>
    public WriteItemsStatement(ShardSession session, bool atomic, long mostReturned = long.MaxValue, bool mayFail = true)
    {
        (_session, _atomic, _mostReturned, _mayFail) = (session, atomic, mostReturned, mayFail);
        _command = new NpgsqlCommand(Sql, session.Connection)
        {
            Parameters =
            {
                new NpgsqlParameter<bool> { TypedValue = atomic },
                new NpgsqlParameter<List<string>> { TypedValue = _kinds },
                new NpgsqlParameter<List<short>> { TypedValue = _slots },
                new NpgsqlParameter<List<string>> { TypedValue = _collections },
                new NpgsqlParameter<List<string>> { TypedValue = _partitionKeys },
                new NpgsqlParameter<List<string>> { TypedValue = _ids },
                new NpgsqlParameter<List<byte[]?>> { TypedValue = _docs, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb },
                new NpgsqlParameter<List<string>> { TypedValue = _conditions },
                new NpgsqlParameter<List<string?>> { TypedValue = _versions },
                new NpgsqlParameter<List<int?>> { TypedValue = _ttls },
                new NpgsqlParameter<List<bool>> { TypedValue = _returnDocs },
            },
        };
        _named = new NpgsqlCommand("", session.Connection);
        for (var i = 0; i < _command.Parameters.Count; i++)
            if (i != CollectionsAt)
                _named.Parameters.Add(_command.Parameters[i].Clone());
    }

    /// <exception cref="PostgresException">
    /// SH003: the statement is atomic, and an operation was refused. Or an index refused one of several (<see cref="IndexRefusal"/>).
    /// </exception>
    public async Task<Fenced<WriteResult>[]> ExecuteAsync(IReadOnlyList<WriteOperation> operations)
    {
        try
        {
            return await RunAsync(operations);
        }
        catch (PostgresException e) when (!_atomic && operations.Count == 1 && IndexRefusal.Is(e))
        {
            return [Fenced<WriteResult>.Answer(IndexRefusal.Of(e, operations[0].Key.Collection))];
        }
    }

    private async Task<Fenced<WriteResult>[]> RunAsync(IReadOnlyList<WriteOperation> operations)
    {
        var collection = operations[0].Key.Collection;
        var arePlain = operations.All(PutItemStatement.CanRun);
        if (_mayFail && !_session.Named.IsMissing(collection) && operations.All(operation => operation.Key.Collection == collection)
            && (!arePlain || _session.HasRoomFor(collection, operations.Count)))
        {
            try
            {
                return !_atomic && operations is [var only] && PutItemStatement.CanRun(only)
                    ? [await PutAsync(only)]
                    : await NamedAsync(collection, operations);
            }
            catch (PostgresException e) when (CollectionSql.IsMissing(e)) // so nothing was applied
            {
                _session.Named.Miss(collection);
            }
        }
        foreach (var same in arePlain && !_atomic ? [] : operations.CountBy(operation => operation.Key.Collection))
            _session.Uses(same.Key, isMany: same.Value > 1); // of plain ones the answer tells
        Fill(operations);
        await _command.PrepareOnceAsync();
        return await RunAsync(_command, operations, tellsFunctions: true);
    }

    private async Task<Fenced<WriteResult>[]> NamedAsync(string collection, IReadOnlyList<WriteOperation> operations)
    {
        Fill(operations);
        if (_namedCollection != collection)
            _named.CommandText = CollectionSql.Write(_namedCollection = collection);
        _session.Uses(collection, isMany: true);
        await _session.Named.PrepareAsync(_named);
        return await RunAsync(_named, operations, tellsFunctions: false);
    }

    private async Task<Fenced<WriteResult>[]> RunAsync(NpgsqlCommand command, IReadOnlyList<WriteOperation> operations, bool tellsFunctions)
    {
        var answers = new Fenced<WriteResult>[operations.Count];
        var returned = 0L;
        await using (var reader = await command.ExecuteReaderAsync(CancellationToken.None))
        {
            while (await reader.ReadAsync(CancellationToken.None))
            {
                var answer = WriteAnswers.At(reader, returned == 0 ? long.MaxValue : _mostReturned - returned);
                returned += answer.Value?.Doc?.Length ?? 0;
                var place = reader.GetInt32(0) - 1;
                answers[place] = answer;
                if (tellsFunctions && reader.GetBoolean(7))
                    _session.Uses(operations[place].Key.Collection, isMany: true);
            }
        }
        return answers; // rows may come before the commit: it has happened only now, as the closed reader has seen ReadyForQuery
    }

    private Task<Fenced<WriteResult>> PutAsync(WriteOperation operation) =>
        (_put ??= new PutItemStatement(_session)).ExecuteAsync(operation);

    private void Fill(IReadOnlyList<WriteOperation> operations)
    {
        _kinds.Clear();
        _slots.Clear();
        _collections.Clear();
        _partitionKeys.Clear();
        _ids.Clear();
        _docs.Clear();
        _conditions.Clear();
        _versions.Clear();
        _ttls.Clear();
        _returnDocs.Clear();
        foreach (var operation in operations)
            Add(operation);
    }

    private void Add(WriteOperation operation)
    {
        _kinds.Add(Name(operation.Kind));
        _slots.Add((short)operation.Key.Slot.Value);
        _collections.Add(operation.Key.Collection);
        _partitionKeys.Add(operation.Key.PartitionKey);
        _ids.Add(operation.Key.Id);
        _docs.Add(operation.Doc);
        _conditions.Add(Name(operation.Condition.Kind));
        _versions.Add(operation.Condition.Versions);
        _ttls.Add(operation.TtlSeconds);
        _returnDocs.Add(operation.ReturnDoc);
    }

    private static string Name(WriteKind kind) => kind switch
    {
        WriteKind.Put => "put",
        WriteKind.Delete => "delete",
        WriteKind.MergePatch => "merge_patch",
        WriteKind.JsonPatch => "json_patch",
        WriteKind.Increment => "increment",
        _ => "check",
    };

    private static string Name(WriteConditionKind kind) => kind switch
    {
        WriteConditionKind.None => "none",
        WriteConditionKind.Absent => "absent",
        WriteConditionKind.Present => "present",
        WriteConditionKind.Match => "match",
        _ => "no_match",
    };

    public async ValueTask DisposeAsync()
    {
        await _command.DisposeAsync();
        await _named.DisposeAsync();
        if (_put is not null)
            await _put.DisposeAsync();
    }
}
