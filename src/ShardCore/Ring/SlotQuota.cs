namespace ShardCore.Ring;

/// <summary>How many slots each active shard should own, by weight: apportionment by Adams' divisor method.</summary>
/// <remarks>
/// Why this method: no rule can both stay within one slot of every weighted share, above and below, and never make one
/// staying shard gain while another staying shard loses when a third joins or leaves (Balinski and Young, 1982).
/// Adams' method gives up only the lower side. It holds, for every input:
/// no shard exceeds its weighted share by a slot or more, so none is overloaded;
/// a shard that joins only takes, one that leaves only gives, so no slot moves between two shards that stay.
/// Weighted shares that are whole numbers are met exactly. Rejected: largest remainder (joining can move slots between
/// stayers when weights differ widely), Webster (a heavy shard among hundreds of light ones can exceed its share by 2%).
/// </remarks>
internal static class SlotQuota
{
    /// <param name="active">Shards that may own slots, at least one.</param>
    /// <param name="held">Slots each owns now: only breaks ties, so that a slot that may stay stays.</param>
    public static Dictionary<ShardId, int> Of(IReadOnlyCollection<Shard> active, IReadOnlyDictionary<ShardId, int> held)
    {
        // Slot by slot to the shard with the largest weight per slot it already has; one with none comes first.
        var quota = active.ToDictionary(shard => shard.Id, _ => 0);
        var queue = new PriorityQueue<Shard, Claim>(active.Select(shard => (shard, ClaimOf(shard, 0, held))));
        for (var given = 0; given < Slot.Count; given++)
        {
            var shard = queue.Peek();
            var now = ++quota[shard.Id];
            queue.DequeueEnqueue(shard, ClaimOf(shard, now, held));
        }
        return quota;
    }

    private static Claim ClaimOf(Shard shard, int quota, IReadOnlyDictionary<ShardId, int> held) =>
        new(shard.Weight, quota, held.GetValueOrDefault(shard.Id) > quota, shard.Id);

    /// <summary>Sorts first who gets the next slot. Weights per slot are compared as fractions, so without rounding.</summary>
    private readonly record struct Claim(long Weight, long Quota, bool HoldsMore, ShardId Id) : IComparable<Claim>
    {
        public int CompareTo(Claim other)
        {
            var byWeightPerSlot = (other.Weight * Quota).CompareTo(Weight * other.Quota);
            if (byWeightPerSlot != 0)
                return byWeightPerSlot;
            var byHolding = other.HoldsMore.CompareTo(HoldsMore);
            return byHolding != 0 ? byHolding : Id.CompareTo(other.Id);
        }
    }
}
