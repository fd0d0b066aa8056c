using ShardCore.Ring;
using ShardRouter.Keys;

namespace ShardRouter.Partitions;

/// <summary>The part of a slot that lies in a range of keys: what one look-up in a shard begins with.</summary>
internal readonly record struct PartitionProbe(Slot Slot, string From, string? To)
{
    /// <summary>The next probes, in order.</summary>
    /// <param name="ranges">In their order.</param>
    /// <param name="from">Where the first one begins.</param>
    /// <param name="most">How many at most; whole slots, and one slot at least.</param>
    /// <param name="next">Where those behind begin.</param>
    public static List<PartitionProbe> Next(KeyRange[] ranges, PartitionPosition from, int most, out PartitionPosition next)
    {
        var probes = new List<PartitionProbe>();
        var slot = from.Slot;
        for (; slot < Slot.Count && probes.Count < most; slot++)
            foreach (var range in ranges)
            {
                if (range.Only is { } only && only.Value != slot)
                    continue;
                var first = slot == from.Slot && KeyOrder.Compare(from.From, range.From) > 0 ? from.From : range.From;
                if (range.To is null || KeyOrder.Compare(first, range.To) < 0)
                    probes.Add(new PartitionProbe(new Slot(slot), first, range.To));
            }
        next = new PartitionPosition(slot, "");
        return probes;
    }
}
