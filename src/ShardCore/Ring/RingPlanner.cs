using System.Collections.Immutable;

namespace ShardCore.Ring;

/// <summary>
/// A pure function: (owners now, shards with weights) → the fewest slot moves that reach balance.
/// </summary>
/// <remarks>
/// Properties that hold for every input (RingPlannerProperties):
/// each slot has exactly one owner; no shard exceeds its weighted share by a slot or more; from a balanced ring, a shard
/// that joins or leaves moves no slot between two shards that stay; the moves are the fewest that reach the quotas
/// (<see cref="SlotQuota"/>); the same input gives the same plan.
/// </remarks>
public static class RingPlanner
{
    /// <summary>Plans the first owners of a new cluster, or the change after shards joined, left or changed weight.</summary>
    /// <param name="owners">The owner of each slot now, 16,384 entries, or none for a new cluster. Owners that are not
    /// among <paramref name="shards"/>, or are draining there, lose all their slots.</param>
    /// <param name="shards">At least one active shard.</param>
    /// <exception cref="ArgumentException">No active shard to own the slots, or not 0 or 16,384 owners.</exception>
    public static RingPlan Plan(IReadOnlyList<ShardId> owners, IReadOnlyCollection<Shard> shards)
    {
        if (owners.Count != 0 && owners.Count != Slot.Count)
            throw new ArgumentException($"{owners.Count} slots have an owner; a ring has {Slot.Count}.", nameof(owners));
        var active = shards.Where(shard => shard.State == ShardState.Active).OrderBy(shard => shard.Id).ToArray();
        if (active.Length == 0)
            throw new ArgumentException("No active shard to own the slots.", nameof(shards));

        var quota = SlotQuota.Of(active, CountByOwner(owners));
        var after = new ShardId[Slot.Count];
        var orphans = KeepUpToQuota(owners, quota, after);
        var moves = GiveToThoseBelowQuota(owners, active, quota, orphans, after);
        return new RingPlan(moves, [.. after]);
    }

    private static Dictionary<ShardId, int> CountByOwner(IReadOnlyList<ShardId> owners) =>
        owners.CountBy(owner => owner).ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>Leaves each slot where it is while its owner is below quota; the rest are orphans, in slot order.</summary>
    private static List<int> KeepUpToQuota(IReadOnlyList<ShardId> owners, Dictionary<ShardId, int> quota, ShardId[] after)
    {
        var orphans = new List<int>();
        for (var slot = 0; slot < Slot.Count; slot++)
        {
            if (owners.Count > 0 && quota.TryGetValue(owners[slot], out var free) && free > 0)
            {
                after[slot] = owners[slot];
                quota[owners[slot]] = free - 1;
            }
            else
            {
                orphans.Add(slot);
            }
        }
        return orphans;
    }

    private static ImmutableArray<SlotMove> GiveToThoseBelowQuota(
        IReadOnlyList<ShardId> owners, Shard[] active, Dictionary<ShardId, int> free, List<int> orphans, ShardId[] after)
    {
        var moves = ImmutableArray.CreateBuilder<SlotMove>(orphans.Count);
        var next = 0;
        foreach (var shard in active)
            for (var give = free[shard.Id]; give > 0; give--, next++)
            {
                var slot = orphans[next];
                after[slot] = shard.Id;
                moves.Add(new SlotMove(new Slot(slot), owners.Count == 0 ? null : owners[slot], shard.Id));
            }
        moves.Sort((left, right) => left.Slot.CompareTo(right.Slot));
        return moves.MoveToImmutable();
    }
}
