using Npgsql;
using ShardRouter.Gathering;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary><c>sharding.read_items</c>: many items by key, in one round trip.</summary>
internal sealed class ReadItemsStatement : IGatheredStatement<ItemKey, Item?>
{
    private const string Sql = "select ord, state, peer, epoch, version, updated_at, expires_at, doc from sharding.read_items($1, $2, $3, $4)";

    private readonly NpgsqlCommand _command;
    private readonly List<short> _slots = [];
    private readonly List<string> _collections = [];
    private readonly List<string> _partitionKeys = [];
    private readonly List<string> _ids = [];

    public ReadItemsStatement(NpgsqlConnection connection) => _command = new NpgsqlCommand(Sql, connection)
    {
        Parameters =
        {
            new NpgsqlParameter<List<short>> { TypedValue = _slots },
            new NpgsqlParameter<List<string>> { TypedValue = _collections },
            new NpgsqlParameter<List<string>> { TypedValue = _partitionKeys },
            new NpgsqlParameter<List<string>> { TypedValue = _ids },
        },
    };

    public async Task<Fenced<Item?>[]> ExecuteAsync(IReadOnlyList<ItemKey> keys)
    {
        Clear();
        foreach (var key in keys)
            Add(key);
        var answers = new Fenced<Item?>[keys.Count];
        await _command.PrepareOnceAsync();
        await using var reader = await _command.ExecuteReaderAsync(CancellationToken.None);
        while (await reader.ReadAsync(CancellationToken.None))
            answers[reader.GetInt32(0) - 1] = AnswerAt(reader);
        return answers;
    }

    private void Clear()
    {
        _slots.Clear();
        _collections.Clear();
        _partitionKeys.Clear();
        _ids.Clear();
    }

    private void Add(ItemKey key)
    {
        _slots.Add((short)key.Slot.Value);
        _collections.Add(key.Collection);
        _partitionKeys.Add(key.PartitionKey);
        _ids.Add(key.Id);
    }

    private static Fenced<Item?> AnswerAt(NpgsqlDataReader reader)
    {
        var state = reader.IsDBNull(1) ? null : reader.GetString(1);
        if (!FenceRefusal.Allows(state, writes: false))
            return Fenced<Item?>.Refused(new FenceRefusal(state, reader.IsDBNull(2) ? null : reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetInt64(3)));
        return Fenced<Item?>.Answer(reader.IsDBNull(4)
            ? null
            : new Item(reader.GetInt64(4), reader.GetDateTime(5), reader.IsDBNull(6) ? null : reader.GetDateTime(6), reader.GetFieldValue<byte[]>(7)));
    }

    public ValueTask DisposeAsync() => _command.DisposeAsync();
}
