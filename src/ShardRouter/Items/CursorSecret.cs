using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Routing;

namespace ShardRouter.Items;

/// <summary>
/// The cluster's secret for cursors, the same in all routers: made by <c>shardadmin init</c>, kept in every shard,
/// asked for once.
/// </summary>
internal sealed class CursorSecret(SlotDispatch dispatch)
{
    private byte[]? _secret;

    /// <param name="slot">Any slot whose shard is likely to answer: that of the request.</param>
    public async Task<Routed<byte[]>> GetAsync(Slot slot, CancellationToken deadline)
    {
        if (_secret is { } known)
            return Routed<byte[]>.Answer(known, default);
        var answer = await dispatch.RunOneAsync(
            slot,
            slot,
            writes: false,
            (pool, _, cancellation) => pool.RunAsync(
                "secret", writes: false,
                async call =>
                {
                    await using var command = call.Connection.CreateCommand();
                    command.CommandText = "select cursor_secret from sharding.cluster";
                    return Fenced<byte[]>.Answer((await command.ReadValueAsync<byte[]>(CancellationToken.None))!);
                },
                cancellation),
            deadline);
        if (answer.Failure is null)
            _secret = answer.Value;
        return answer;
    }
}
