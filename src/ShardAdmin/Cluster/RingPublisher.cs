using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Makes a ring the cluster's ring: the shard list copies first, then Redis.</summary>
/// <remarks>
/// In this order, because a ring that is in Redis but in no copy would be lost with Redis, and with it shards that own
/// slots. A crash in between leaves copies that are ahead of Redis: they name the shards that exist, which is what a
/// rebuild needs, and the next publication has a higher epoch still.
/// </remarks>
internal sealed class RingPublisher(AdminSession session)
{
    /// <param name="expected">The epoch that must stand in Redis; null: none must.</param>
    /// <exception cref="CommandFailedException">Somebody else published meanwhile.</exception>
    public async Task PublishAsync(ShardRing ring, Epoch? expected, string why, CancellationToken cancellation)
    {
        await StoreListsAsync(ring, cancellation);
        await session.Failpoint.ReachedAsync("lists-stored", cancellation);
        await PublishToRedisAsync(ring, expected, why, cancellation);
        await session.Failpoint.ReachedAsync("ring-published", cancellation);
    }

    public async Task PublishToRedisAsync(ShardRing ring, Epoch? expected, string why, CancellationToken cancellation)
    {
        var result = await session.Rings.PublishAsync(ring, expected, AdminSession.Who, why, cancellation);
        if (result == RingPublishResult.Published || await IsThereAlreadyAsync(ring, cancellation))
            return;
        throw new CommandFailedException(
            ExitCode.Conflict, "Somebody else published another ring meanwhile; this one was not published.",
            result == RingPublishResult.Unreadable ? "shardadmin ring rebuild --seed host:port/database" : "shardadmin ring history; then the same command again");
    }

    public Task StoreListsAsync(ShardRing ring, CancellationToken cancellation) =>
        Reach.AllAsync(ring.Shards, shard => ShardOwnershipStore.StoreShardListAsync(session.Source(shard), ring.Cluster, ring.Epoch, ring.Shards, cancellation));

    /// <summary>Our own publication whose answer was lost, or that of a twin with the same arguments.</summary>
    private async Task<bool> IsThereAlreadyAsync(ShardRing ring, CancellationToken cancellation) =>
        string.Equals(await session.Rings.ReadTextAsync(cancellation), RingDocumentCodec.Write(ring), StringComparison.Ordinal);
}
