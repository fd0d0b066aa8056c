using Npgsql;
using NpgsqlTypes;
using ShardRouter.Outcomes;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// A collection's function for one put without a condition. It costs the shard half of what the function for many writes costs.
/// </summary>
internal sealed class PutItemStatement : IAsyncDisposable
{
    private readonly NpgsqlParameter<short> _slot = new();
    private readonly NpgsqlParameter<string> _partitionKey = new();
    private readonly NpgsqlParameter<string> _id = new();
    private readonly NpgsqlParameter<byte[]> _doc = new() { NpgsqlDbType = NpgsqlDbType.Jsonb };
    private readonly NpgsqlParameter<int?> _ttl = new();
    private readonly NpgsqlParameter<bool> _returnDoc = new();
    private readonly ShardSession _session;
    private readonly NpgsqlCommand _command;
    private string? _collection; // of the command's text

    public PutItemStatement(ShardSession session) => (_session, _command) = (session, new NpgsqlCommand("", session.Connection)
    {
        Parameters = { _slot, _partitionKey, _id, _doc, _ttl, _returnDoc },
    });

    public static bool CanRun(WriteOperation operation) => operation is { Kind: WriteKind.Put, Condition.Kind: WriteConditionKind.None };

    /// <returns>The answer, once it has been read to its end: only then has the commit happened.</returns>
    /// <exception cref="PostgresException">The shard does not have the collection (<see cref="CollectionSql.IsMissing"/>).</exception>
    public async Task<Fenced<WriteResult>> ExecuteAsync(WriteOperation operation)
    {
        _slot.TypedValue = (short)operation.Key.Slot.Value;
        _partitionKey.TypedValue = operation.Key.PartitionKey;
        _id.TypedValue = operation.Key.Id;
        _doc.TypedValue = operation.Doc;
        _ttl.TypedValue = operation.TtlSeconds;
        _returnDoc.TypedValue = operation.ReturnDoc;
        if (_collection != operation.Key.Collection)
            _command.CommandText = CollectionSql.Put(_collection = operation.Key.Collection);
        _session.Uses(_collection, isMany: false);
        await _session.Named.PrepareAsync(_command);
        await using var reader = await _command.ExecuteReaderAsync(CancellationToken.None);
        await reader.ReadAsync(CancellationToken.None);
        var answer = WriteAnswers.At(reader);
        await reader.CloseAsync(); // this waits for ReadyForQuery, because rows may come before the commit
        return answer;
    }

    public ValueTask DisposeAsync() => _command.DisposeAsync();
}
