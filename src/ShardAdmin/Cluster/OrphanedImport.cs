using ShardAdmin.Changes;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>A batch that a shard takes in and that no journal knows: whoever brought it is gone, and nobody will ever end it.</summary>
/// <param name="Attempt">The last one.</param>
/// <param name="Slots">All of the batch.</param>
/// <param name="Importing">Those of them that are still "importing": no other move can bring them there.</param>
internal sealed record OrphanedImport(Shard Shard, Guid Batch, ShardId Source, int Attempt, IReadOnlyList<Slot> Slots, IReadOnlyList<Slot> Importing)
{
    /// <summary>The command that ends it.</summary>
    public string Mend => $"shardadmin {new AddShardChange(Shard).Command} --no-rebalance";
}
