using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardRouter.Outcomes;
using ShardRouter.Rings;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Items;

/// <summary>
/// The cluster's secret for cursors, the same in all routers. <c>shardadmin init</c> makes it, every shard has it, and a router asks for
/// it once.
/// </summary>
internal sealed class CursorSecret(RingHolder holder, ShardPools pools)
{
    /// <summary>
    /// A shard that does not answer within this is passed over: any other has the same secret. If all are so slow, each next round gives
    /// them twice as long.
    /// </summary>
    private static readonly TimeSpan ShardLimit = TimeSpan.FromMilliseconds(500);

    private byte[]? _secret;

    /// <summary>Asks the shard of the request, and one other after the next if that does not answer.</summary>
    /// <param name="slot">That of the request.</param>
    public async Task<Routed<byte[]>> GetAsync(Slot slot, CancellationToken deadline)
    {
        if (_secret is { } known)
            return Routed<byte[]>.Answer(known, default);
        if (holder.Current is not { IsEmpty: false } ring)
            return Routed<byte[]>.Failed(ShardFailure.RingUnavailable, default);
        var first = ring.OwnerOf(slot);
        Shard[] all = [first, .. ring.Shards.Where(shard => shard.Id != first.Id)];
        var failure = ShardFailure.Unavailable;
        var isSlow = true;
        for (var shardLimit = ShardLimit; isSlow; shardLimit *= 2)
        {
            isSlow = false;
            foreach (var shard in all)
                try
                {
                    using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline);
                    limit.CancelAfter(shardLimit);
                    return Routed<byte[]>.Answer(_secret = await ReadAsync(pools.Of(shard, ring.Cluster), limit.Token), shard.Id);
                }
                catch (ShardCallException e)
                {
                    if (shard.Id == first.Id)
                        failure = e.Failure;
                    if (deadline.IsCancellationRequested)
                        return Routed<byte[]>.Failed(failure, first.Id);
                    isSlow |= e.Failure == ShardFailure.DeadlineExceeded;
                }
        }
        return Routed<byte[]>.Failed(failure, first.Id);
    }

    private static Task<byte[]> ReadAsync(ShardPool pool, CancellationToken deadline) => pool.RunAsync(
        "secret", writes: false,
        async call =>
        {
            await using var command = call.Connection.CreateCommand();
            command.CommandText = "select cursor_secret from sharding.cluster";
            return (await command.ReadValueAsync<byte[]>(CancellationToken.None))!;
        },
        deadline);
}
