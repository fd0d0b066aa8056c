using System.Collections.Immutable;

namespace ShardCore.Ring;

/// <summary>
/// A pure function: (owners now, shards with weights, bytes of each slot) → moves of few bytes, after which every shard is within a
/// threshold of its share of the bytes.
/// </summary>
/// <remarks>
/// To find the fewest bytes is a knapsack problem, so this planner is greedy, with a bound. These properties hold for every input
/// (RingSizePlannerProperties):
/// each slot has exactly one owner; a slot moves at most once; a shard that is within the threshold stays within it; the bytes by which
/// all shards together are outside of it do not grow; a shard above the threshold gets nothing more, and a shard below it gives nothing;
/// if slots are small against the threshold, every shard reaches it; the bytes moved exceed what any plan needs by at most one slot for
/// each shard that was outside, and by nothing if all slots are of one size; the same input gives the same plan.
/// A shard whose excess is one large slot can stay above the threshold, because a slot is never cut.
/// </remarks>
public static class RingSizePlanner
{
    /// <param name="owners">
    /// The owner of each slot now, 16,384 entries. Owners that are not active among <paramref name="shards"/> lose all their slots.
    /// </param>
    /// <param name="slotBytes">The size of each slot, 16,384 entries.</param>
    /// <param name="threshold">As a part of a shard's share: 0.05 is 5%.</param>
    /// <exception cref="ArgumentException">No active shard to own the slots, or not 16,384 owners or sizes.</exception>
    public static RingPlan Plan(
        IReadOnlyList<ShardId> owners, IReadOnlyCollection<Shard> shards, IReadOnlyList<long> slotBytes, double threshold)
    {
        if (owners.Count != Slot.Count || slotBytes.Count != Slot.Count)
            throw new ArgumentException(
                $"{owners.Count} owners and {slotBytes.Count} sizes; a ring has {Slot.Count} slots.", nameof(owners));
        var active = shards.Where(shard => shard.State == ShardState.Active).OrderBy(shard => shard.Id).ToArray();
        if (active.Length == 0)
            throw new ArgumentException("No active shard to own the slots.", nameof(shards));

        var (total, weights) = (slotBytes.Sum(), active.Sum(shard => (long)shard.Weight));
        var bins = active.ToDictionary(shard => shard.Id, shard => new Bin(shard.Id, (double)total * shard.Weight / weights, threshold));
        var after = owners.ToArray();
        for (var slot = 0; slot < Slot.Count; slot++)
            if (bins.TryGetValue(owners[slot], out var bin))
                bin.Hold(slot, slotBytes[slot]);
        PlaceOrphans(owners, slotBytes, bins, after);
        TakeFromThoseAbove(bins, after);
        GiveToThoseBelow(bins, after);
        return new RingPlan(
            [.. Enumerable.Range(0, Slot.Count)
                .Where(slot => after[slot] != owners[slot])
                .Select(slot => new SlotMove(new Slot(slot), owners[slot], after[slot]))],
            [.. after]);
    }

    /// <summary>Gives away the slots whose owner leaves: the largest first, each to the shard that has most room.</summary>
    private static void PlaceOrphans(
        IReadOnlyList<ShardId> owners, IReadOnlyList<long> slotBytes, Dictionary<ShardId, Bin> bins, ShardId[] after)
    {
        foreach (var slot in Enumerable.Range(0, Slot.Count)
            .Where(slot => !bins.ContainsKey(owners[slot]))
            .OrderByDescending(slot => slotBytes[slot])
            .ThenBy(slot => slot))
        {
            var to = bins.Values.OrderByDescending(bin => bin.Share - bin.Load).ThenBy(bin => bin.Id).First();
            to.Load += slotBytes[slot];
            after[slot] = to.Id;
        }
    }

    private static void TakeFromThoseAbove(Dictionary<ShardId, Bin> bins, ShardId[] after)
    {
        var stuck = new HashSet<ShardId>();
        while (bins.Values
            .Where(bin => bin.Excess > 0 && !stuck.Contains(bin.Id))
            .OrderByDescending(bin => bin.Excess)
            .ThenBy(bin => bin.Id)
            .FirstOrDefault() is { } from)
        {
            // The shard that lacks most comes first, so that one move serves two shards.
            var receivers = bins.Values
                .Where(bin => bin != from && bin.Room > 0)
                .OrderByDescending(bin => Math.Max(0, bin.Lack))
                .ThenByDescending(bin => bin.Room)
                .ThenBy(bin => bin.Id);
            // One large slot may take the giver below its threshold, but by less than both shards together gain.
            if (!receivers.Any(to => Move(
                from, to, wanted: from.Excess, most: Math.Min(to.Room, from.Spare + from.Excess + Math.Max(0, to.Lack)), after)))
                stuck.Add(from.Id);
        }
    }

    private static void GiveToThoseBelow(Dictionary<ShardId, Bin> bins, ShardId[] after)
    {
        var stuck = new HashSet<ShardId>();
        while (bins.Values
            .Where(bin => bin.Lack > 0 && !stuck.Contains(bin.Id))
            .OrderByDescending(bin => bin.Lack)
            .ThenBy(bin => bin.Id)
            .FirstOrDefault() is { } to)
        {
            var givers = bins.Values.Where(bin => bin != to && bin.Spare > 0).OrderByDescending(bin => bin.Spare).ThenBy(bin => bin.Id);
            if (!givers.Any(from => Move(from, to, wanted: to.Lack, most: Math.Min(from.Spare, to.Room), after)))
                stuck.Add(to.Id);
        }
    }

    /// <summary>
    /// Moves the smallest slot that ends the need. If there is none, it moves the largest one that stays within the need.
    /// </summary>
    private static bool Move(Bin from, Bin to, double wanted, double most, ShardId[] after)
    {
        if ((from.Smallest(wanted, most) ?? from.Largest(Math.Min(wanted, most))) is not { } held)
            return false;
        from.Give(held);
        to.Load += held.Bytes;
        after[held.Slot] = to.Id;
        return true;
    }

    /// <summary>One shard while the plan is made. It gives away only slots that it had from the beginning.</summary>
    private sealed class Bin(ShardId id, double share, double threshold)
    {
        private readonly SortedSet<(long Bytes, int Slot)> _held = [];

        public ShardId Id => id;
        public double Share => share;
        public long Load { get; set; }
        public double Excess => Load - (share * (1 + threshold));
        public double Lack => (share * (1 - threshold)) - Load;
        public double Room => -Excess;
        public double Spare => -Lack;

        public void Hold(int slot, long bytes)
        {
            Load += bytes;
            if (bytes > 0) // moving an empty slot would gain nothing
                _held.Add((bytes, slot));
        }

        public void Give((long Bytes, int Slot) held)
        {
            _held.Remove(held);
            Load -= held.Bytes;
        }

        public (long Bytes, int Slot)? Smallest(double least, double most) =>
            least <= most && Between(Math.Ceiling(least), Math.Floor(most)) is { Count: > 0 } fitting ? fitting.Min : null;

        public (long Bytes, int Slot)? Largest(double most) => Between(1, Math.Floor(most)) is { Count: > 0 } fitting ? fitting.Max : null;

        private SortedSet<(long Bytes, int Slot)>? Between(double least, double most) =>
            least <= most ? _held.GetViewBetween(((long)least, 0), ((long)most, Slot.Count)) : null;
    }
}
