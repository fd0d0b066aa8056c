using Npgsql;
using NpgsqlTypes;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><c>sharding.put_item</c>: one put without a condition, in a statement that costs the shard half of what one for many does.</summary>
internal sealed class PutItemStatement : IAsyncDisposable
{
    private const string Sql = "select ord, outcome, version, updated_at, expires_at, doc, detail from sharding.put_item($1, $2, $3, $4, $5, $6, $7)";

    private readonly NpgsqlParameter<short> _slot = new();
    private readonly NpgsqlParameter<string> _collection = new();
    private readonly NpgsqlParameter<string> _partitionKey = new();
    private readonly NpgsqlParameter<string> _id = new();
    private readonly NpgsqlParameter<byte[]> _doc = new() { NpgsqlDbType = NpgsqlDbType.Jsonb };
    private readonly NpgsqlParameter<int?> _ttl = new();
    private readonly NpgsqlParameter<bool> _returnDoc = new();
    private readonly NpgsqlCommand _command;

    public PutItemStatement(NpgsqlConnection connection) => _command = new NpgsqlCommand(Sql, connection)
    {
        Parameters = { _slot, _collection, _partitionKey, _id, _doc, _ttl, _returnDoc },
    };

    public static bool CanRun(WriteOperation operation) => operation is { Kind: WriteKind.Put, Condition.Kind: WriteConditionKind.None };

    /// <returns>When the whole answer has been read, and so the commit has happened.</returns>
    public async Task<Fenced<WriteResult>> ExecuteAsync(WriteOperation operation)
    {
        _slot.TypedValue = (short)operation.Key.Slot.Value;
        _collection.TypedValue = operation.Key.Collection;
        _partitionKey.TypedValue = operation.Key.PartitionKey;
        _id.TypedValue = operation.Key.Id;
        _doc.TypedValue = operation.Doc;
        _ttl.TypedValue = operation.TtlSeconds;
        _returnDoc.TypedValue = operation.ReturnDoc;
        await _command.PrepareOnceAsync();
        await using var reader = await _command.ExecuteReaderAsync(CancellationToken.None);
        await reader.ReadAsync(CancellationToken.None);
        var answer = WriteAnswers.At(reader);
        await reader.CloseAsync(); // ReadyForQuery; rows may come before the commit
        return answer;
    }

    public ValueTask DisposeAsync() => _command.DisposeAsync();
}
