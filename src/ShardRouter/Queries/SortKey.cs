using ShardRouter.Keys;

namespace ShardRouter.Queries;

/// <summary>The place of an item in the order of a query. No two items have the same.</summary>
/// <param name="Values">Of the fields by which the query orders.</param>
internal sealed record SortKey(IReadOnlyList<SortValue> Values, short Slot, string PartitionKey, string Id)
{
    /// <summary>Without an order, items go by slot first.</summary>
    public static int Compare(SortKey left, SortKey right, IReadOnlyList<SortField> order)
    {
        for (var i = 0; i < order.Count; i++)
            if (left.Values[i].CompareTo(right.Values[i], order[i].Descending) is not 0 and var differs)
                return differs;
        var slots = order.Count == 0 ? left.Slot.CompareTo(right.Slot) : 0;
        if (slots != 0)
            return slots;
        var partitions = KeyOrder.Compare(left.PartitionKey, right.PartitionKey);
        return partitions != 0 ? partitions : KeyOrder.Compare(left.Id, right.Id);
    }
}
