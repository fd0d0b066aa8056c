using Npgsql;
using NpgsqlTypes;
using ShardRouter.Gathering;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><c>sharding.write_items</c>: many writes in one round trip, each for itself or all or none. A plain put that comes alone goes by <see cref="PutItemStatement"/>.</summary>
internal sealed class WriteItemsStatement : IGatheredStatement<WriteOperation, WriteResult>
{
    private const string Sql =
        "select ord, outcome, version, updated_at, expires_at, doc, detail from sharding.write_items($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

    private readonly NpgsqlConnection _connection;
    private readonly bool _atomic;
    private readonly NpgsqlCommand _command;
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

    public WriteItemsStatement(NpgsqlConnection connection, bool atomic)
    {
        (_connection, _atomic) = (connection, atomic);
        _command = new NpgsqlCommand(Sql, connection)
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
    }

    /// <exception cref="PostgresException">SH003: atomic, and one of them was refused.</exception>
    public async Task<Fenced<WriteResult>[]> ExecuteAsync(IReadOnlyList<WriteOperation> operations)
    {
        if (operations is [var only] && CanPut(only))
            return [await PutAsync(only)];
        Clear();
        foreach (var operation in operations)
            Add(operation);
        var answers = new Fenced<WriteResult>[operations.Count];
        await _command.PrepareOnceAsync();
        await using (var reader = await _command.ExecuteReaderAsync(CancellationToken.None))
        {
            while (await reader.ReadAsync(CancellationToken.None))
                answers[reader.GetInt32(0) - 1] = WriteAnswers.At(reader);
        }
        return answers; // only here, with the reader closed and so ReadyForQuery seen, has the commit happened: rows may come before it
    }

    /// <summary>In a transaction of many a refusal must be an error, so it stays with the function for many even if it is one.</summary>
    private bool CanPut(WriteOperation operation) => !_atomic && PutItemStatement.CanRun(operation);

    private Task<Fenced<WriteResult>> PutAsync(WriteOperation operation) =>
        (_put ??= new PutItemStatement(_connection)).ExecuteAsync(operation);

    private void Clear()
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
        if (_put is not null)
            await _put.DisposeAsync();
    }
}
