using ShardCore.Ring;

namespace ShardCore.Shards;

/// <summary>Which cluster and which shard a database is, with its copy of the shard list: the one row of <c>sharding.cluster</c>.</summary>
/// <param name="CursorSecret">32 random bytes, the same in every shard of a cluster: signs cursors.</param>
/// <param name="RingEpoch">Of the shard list.</param>
/// <param name="Shards">The copy from which a ring can be rebuilt, by id.</param>
public sealed record ShardIdentity(
    ClusterId Cluster, ShardId Shard, ReadOnlyMemory<byte> CursorSecret, Epoch RingEpoch, IReadOnlyList<Shard> Shards)
{
    public const int CursorSecretBytes = 32;
}
