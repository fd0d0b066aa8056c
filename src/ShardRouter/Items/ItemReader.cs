using Npgsql;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>Reads items by key: one statement and one round trip for each shard that is asked.</summary>
internal sealed class ItemReader(SlotDispatch dispatch)
{
    private const string Sql = "select ord, state, peer, epoch, version, updated_at, expires_at, doc from sharding.read_items($1, $2, $3, $4)";

    /// <returns>One answer per key, in their order; the value is null when there is no such item.</returns>
    public Task<Routed<Item?>[]> ReadAsync(IReadOnlyList<ItemKey> keys, CancellationToken deadline) =>
        dispatch.RunAsync<ItemKey, Item?>(
            keys,
            key => key.Slot,
            (pool, some, cancellation) => pool.RunAsync("read", writes: false, (connection, stop) => ReadAsync(connection, some, stop), cancellation),
            deadline);

    private static async Task<Fenced<Item?>[]> ReadAsync(NpgsqlConnection connection, IReadOnlyList<ItemKey> keys, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                Column(keys, key => (short)key.Slot.Value),
                Column(keys, key => key.Collection),
                Column(keys, key => key.PartitionKey),
                Column(keys, key => key.Id),
            },
        };
        var answers = new Fenced<Item?>[keys.Count];
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            var state = reader.IsDBNull(1) ? null : reader.GetString(1);
            answers[reader.GetInt32(0) - 1] = FenceRefusal.Allows(state, writes: false)
                ? Fenced<Item?>.Answer(reader.IsDBNull(4) ? null : ItemAt(reader))
                : Fenced<Item?>.Refused(new FenceRefusal(
                    state, reader.IsDBNull(2) ? null : reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetInt64(3)));
        }
        return answers;
    }

    private static Item ItemAt(NpgsqlDataReader reader) => new(
        reader.GetInt64(4), reader.GetDateTime(5), reader.IsDBNull(6) ? null : reader.GetDateTime(6), reader.GetFieldValue<byte[]>(7));

    private static NpgsqlParameter<TValue[]> Column<TValue>(IReadOnlyList<ItemKey> keys, Func<ItemKey, TValue> value)
    {
        var column = new TValue[keys.Count];
        for (var i = 0; i < column.Length; i++)
            column[i] = value(keys[i]);
        return new NpgsqlParameter<TValue[]> { TypedValue = column };
    }
}
