namespace ShardCore.Ring;

/// <summary>Computes how many slots each active shard should own, by weight, with Adams' divisor method of apportionment.</summary>
/// <remarks>
/// No rule has both of two properties (Balinski and Young, 1982): every shard is within one slot of its weighted share, above and below;
/// and when a shard joins or leaves, no shard that stays gains slots while another that stays loses some. Adams' method gives up only the
/// lower side of the first property. It holds, for every input:
/// no shard exceeds its weighted share by a slot or more, so none is overloaded;
/// a shard that joins only takes slots, and one that leaves only gives, so no slot moves between two shards that stay.
/// Weighted shares that are whole numbers are met exactly. Rejected: largest remainder (when weights differ widely, a shard that joins can
/// move slots between shards that stay); Webster (a heavy shard among hundreds of light ones can exceed its share by 2%).
/// </remarks>
internal static class SlotQuota
{
    /// <param name="active">Shards that may own slots, at least one.</param>
    /// <param name="held">The number of slots that each owns now. It only breaks ties, so that slots stay where they may.</param>
    public static Dictionary<ShardId, int> Of(IReadOnlyCollection<Shard> active, IReadOnlyDictionary<ShardId, int> held)
    {
        // Each slot goes to the shard with the largest weight per slot that it already has. A shard without slots comes first.
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

    /// <summary>The shard that gets the next slot sorts first. Weights per slot are compared as fractions, without rounding.</summary>
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
