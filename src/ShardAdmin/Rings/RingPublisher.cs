using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Settings;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Rings;

/// <summary>Publishes a ring: first into the shards' copies of the list of shards, then into Redis.</summary>
/// <remarks>
/// Why in this order: a list that is in Redis but in no copy would be lost together with Redis, and with it the knowledge of shards that
/// own slots. A crash between the two leaves copies that are ahead of Redis. That is harmless: they name the shards that exist, as a
/// rebuild needs it, and the next publication gets a still higher epoch.
/// </remarks>
internal sealed class RingPublisher(AdminSession session)
{
    /// <param name="expected">The epoch that Redis must have now; null: Redis must have no ring.</param>
    /// <exception cref="CommandFailedException">Another process published a ring meanwhile.</exception>
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
            result == RingPublishResult.Unreadable
                ? "shardadmin ring rebuild --seed host:port/database"
                : "shardadmin ring history; then the same command again");
    }

    public Task StoreListsAsync(ShardRing ring, CancellationToken cancellation) =>
        Reach.AllAsync(
            ring.Shards,
            shard => ShardOwnershipStore.StoreShardListAsync(
                session.Source(shard), ring.Cluster, ring.Epoch, ring.Shards, cancellation));

    /// <summary>
    /// Whether Redis has exactly this ring: this process published it and the answer was lost, or another process did the same.
    /// </summary>
    private async Task<bool> IsThereAlreadyAsync(ShardRing ring, CancellationToken cancellation) =>
        string.Equals(await session.Rings.ReadTextAsync(cancellation), RingDocumentCodec.Write(ring), StringComparison.Ordinal);
}
