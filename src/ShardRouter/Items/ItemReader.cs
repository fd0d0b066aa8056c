using ShardRouter.Gathering;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>Reads items by key. Single ones are gathered; several that were asked for together go as one statement a shard.</summary>
internal sealed class ItemReader(SlotDispatch dispatch, RouterMetrics metrics) : IAsyncDisposable
{
    /// <summary>Of the documents that are asked for together.</summary>
    public const int MaxTogetherBytes = 16 * 1024 * 1024;

    private const int Workers = 2;

    private static readonly GatherKind<ItemKey, Item?> Kind = new(
        "read", Writes: false, Workers, KeepsOrder: false, key => key, _ => 0, item => item?.Doc.Length ?? 0, item => item?.WasLeftOut is not null,
        session => new ReadItemsStatement(session.Connection), ReadAloneAsync);

    public GatherQueues<ItemKey, Item?> Queues { get; } = new(Kind, metrics);

    /// <returns>Its value is null when there is no such item.</returns>
    public Task<Routed<Item?>> ReadAsync(ItemKey key, CancellationToken deadline) =>
        dispatch.RunOneAsync(key, key.Slot, writes: false, (pool, one, stop) => Queues.Of(pool).RunAsync(one, stop), deadline);

    /// <param name="keys">What is asked for.</param>
    /// <param name="share">Where the documents count.</param>
    /// <param name="deadline">When the request's time is over.</param>
    /// <returns>One answer per key, in their order; the value is null when there is no such item.</returns>
    public Task<Routed<Item?>[]> ReadAsync(IReadOnlyList<ItemKey> keys, PayloadShare share, CancellationToken deadline)
    {
        var admission = new AnswerAdmission(MaxTogetherBytes, share);
        return dispatch.RunAsync(keys, key => key.Slot, (pool, some, stop) => ReadAsync(pool, some, admission, stop), deadline);
    }

    private static async Task<Fenced<Item?>> ReadAloneAsync(ShardPool pool, ItemKey key, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: false, call => ReadAsync(call, [key], null), deadline))[0];

    private static Task<Fenced<Item?>[]> ReadAsync(ShardPool pool, IReadOnlyList<ItemKey> keys, AnswerAdmission admission, CancellationToken deadline)
    {
        AnswerAdmission.Part? part = null;
        return pool.RunAsync(
            "read",
            writes: false,
            call =>
            {
                part?.Undo(); // the attempt before has lost its connection
                part = admission.NewPart();
                return ReadAsync(call, keys, part);
            },
            deadline);
    }

    private static async Task<Fenced<Item?>[]> ReadAsync(ShardCall call, IReadOnlyList<ItemKey> keys, AnswerAdmission.Part? admission)
    {
        await using var statement = new ReadItemsStatement(call.Connection, admission, call.EndStatementAsync);
        return await statement.ExecuteAsync(keys);
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
