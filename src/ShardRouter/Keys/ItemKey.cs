using ShardCore.Ring;

namespace ShardRouter.Keys;

/// <summary>Names one item. The slot is computed once, here, and travels with the key.</summary>
internal sealed record ItemKey(string Collection, string PartitionKey, string Id)
{
    public Slot Slot { get; } = SlotHash.Of(PartitionKey);
}
