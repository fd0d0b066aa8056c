using ShardCore.Ring;
using ShardRouter.Gathering;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;

namespace ShardRouter.Items;

/// <summary>Reads items by key. Single reads are gathered. Several that were asked for together go as one statement per shard.</summary>
internal sealed class ItemReader(SlotDispatch dispatch, RouterMetrics metrics) : IAsyncDisposable
{
    /// <summary>The most bytes of documents that are asked for together.</summary>
    public const int MaxTogetherBytes = 16 * 1024 * 1024;

    private const int Workers = 2;

    private static readonly GatherKind<ItemKey, Item?> Kind = new(
        "read", Writes: false, Workers, KeepsOrder: false, key => key, _ => 0, item => item?.Doc.Length ?? 0,
        item => item?.WasLeftOut is not null, session => new ReadItemsStatement(session), ReadAloneAsync);

    public GatherQueues<ItemKey, Item?> Queues { get; } = new(Kind, metrics);

    /// <summary>How long a single read that comes now will wait before it is sent.</summary>
    public TimeSpan DelayOf(Slot slot) => dispatch.PoolOf(slot) is { } pool ? Queues.Of(pool).DelayOf(slot) : TimeSpan.Zero;

    /// <returns>The item; the value is null when there is no such item.</returns>
    public Task<Routed<Item?>> ReadAsync(ItemKey key, CancellationToken deadline) =>
        dispatch.RunOneAsync(key, key.Slot, writes: false, (pool, one, stop) => Queues.Of(pool).RunAsync(one, stop), deadline);

    /// <param name="keys">The keys of the items.</param>
    /// <param name="share">The request's share, in which the documents count.</param>
    /// <param name="deadline">Cancelled when the request's time is over.</param>
    /// <returns>One answer per key, in their order; the value is null when there is no such item.</returns>
    public Task<Routed<Item?>[]> ReadAsync(IReadOnlyList<ItemKey> keys, PayloadShare share, CancellationToken deadline)
    {
        var admission = new AnswerAdmission(MaxTogetherBytes, share);
        return dispatch.RunAsync(keys, key => key.Slot, (pool, some, stop) => ReadAsync(pool, some, admission, stop), deadline);
    }

    private static async Task<Fenced<Item?>> ReadAloneAsync(ShardPool pool, ItemKey key, CancellationToken deadline) =>
        (await pool.RunUncountedAsync(writes: false, call => ReadAsync(call, [key], null), deadline))[0];

    private static Task<Fenced<Item?>[]> ReadAsync(
        ShardPool pool, IReadOnlyList<ItemKey> keys, AnswerAdmission admission, CancellationToken deadline) =>
        AdmittedRead.RunAsync(pool, Kind.Name, admission, (call, part) => ReadAsync(call, keys, part), deadline);

    private static async Task<Fenced<Item?>[]> ReadAsync(ShardCall call, IReadOnlyList<ItemKey> keys, AnswerAdmission.Part? admission)
    {
        await using var statement = new ReadItemsStatement(call.Session, admission, call.EndStatementAsync);
        return await statement.ExecuteAsync(keys);
    }

    public ValueTask DisposeAsync() => Queues.DisposeAsync();
}
