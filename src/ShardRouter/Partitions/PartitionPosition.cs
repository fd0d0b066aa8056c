namespace ShardRouter.Partitions;

/// <summary>A place in the order of a collection's partitions: by slot, and within a slot by the bytes of their keys.</summary>
/// <param name="Slot">The slot; the number of slots when all are behind.</param>
/// <param name="From">The first key that comes; empty: all keys of the slot.</param>
internal readonly record struct PartitionPosition(int Slot, string From)
{
    public static PartitionPosition Start => new(0, "");

    public bool IsEnd => Slot >= ShardCore.Ring.Slot.Count;
}
