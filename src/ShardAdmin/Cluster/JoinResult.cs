using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <param name="Joined">The shard was not in the ring before.</param>
/// <param name="MovedSlots">Slots that changed their owner, those of an interrupted run that were completed included.</param>
/// <param name="Ring">The ring now; for a dry run the one that would be.</param>
internal sealed record JoinResult(bool Joined, int MovedSlots, ShardRing Ring, bool DryRun)
{
    public bool ChangedAnything => Joined || MovedSlots > 0;
}
