using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <param name="Joined">The shard was not in the ring before.</param>
/// <param name="MovedSlots">Slots that changed their owner.</param>
/// <param name="Ring">The ring now; for a dry run the one that would be.</param>
/// <param name="Remaining">Slots that it is to get by moves.</param>
/// <param name="EndedImports">Batches that it was still importing for moves that are over.</param>
internal sealed record JoinResult(bool Joined, int MovedSlots, ShardRing Ring, bool DryRun, int Remaining = 0, int EndedImports = 0)
{
    public bool ChangedAnything => Joined || MovedSlots > 0 || EndedImports > 0;
}
