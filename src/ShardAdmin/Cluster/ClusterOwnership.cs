using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Reads what all shards say of their slots.</summary>
internal static class ClusterOwnership
{
    /// <exception cref="ShardUnreachableException">Without every shard there is no answer.</exception>
    public static async Task<OwnershipMap> ReadAsync(AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        OwnershipMap.Of(await Reach.AllAsync(shards, shard => ShardOwnershipStore.ReadRunsAsync(session.Source(shard), cancellation)));
}
