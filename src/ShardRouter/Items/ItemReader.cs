using Npgsql;
using ShardRouter.Gathering;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>Reads items by key. Single ones are gathered; several that were asked for together go as one statement a shard.</summary>
internal sealed class ItemReader(SlotDispatch dispatch, RouterMetrics metrics) : IAsyncDisposable
{
    private const int Workers = 2;

    private static readonly GatherKind<ItemKey, Item?> Kind = new(
        "read", Writes: false, Workers, KeepsOrder: false, key => key, _ => 0, item => item?.Doc.Length ?? 0,
        connection => new ReadItemsStatement(connection), ReadAloneAsync);

    public GatherQueues<ItemKey, Item?> Queues { get; } = new(Kind, metrics);

    /// <returns>Its value is null when there is no such item.</returns>
    public Task<Routed<Item?>> ReadAsync(ItemKey key, CancellationToken deadline) =>
        dispatch.RunOneAsync(key, key.Slot, writes: false, (pool, one, stop) => Queues.Of(pool).RunAsync(one, stop), deadline);

    /// <returns>One answer per key, in their order; the value is null when there is no such item.</returns>
    public Task<Routed<Item?>[]> ReadAsync(IReadOnlyList<ItemKey> keys, CancellationToken deadline) =>
        dispatch.RunAsync(keys, key => key.Slot, ReadAsync, deadline);

    private static async Task<Fenced<Item?>> ReadAloneAsync(ShardPool pool, ItemKey key, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: false, call => ReadAsync(call.Connection, [key]), deadline))[0];

    private static Task<Fenced<Item?>[]> ReadAsync(ShardPool pool, IReadOnlyList<ItemKey> keys, CancellationToken deadline) =>
        pool.RunAsync("read", writes: false, call => ReadAsync(call.Connection, keys), deadline);

    private static async Task<Fenced<Item?>[]> ReadAsync(NpgsqlConnection connection, IReadOnlyList<ItemKey> keys)
    {
        await using var statement = new ReadItemsStatement(connection);
        return await statement.ExecuteAsync(keys);
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
