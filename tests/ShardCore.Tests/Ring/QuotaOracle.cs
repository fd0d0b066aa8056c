using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

/// <summary>Slow and obvious: what Adams' method asks for and the fewest moves that reach it.</summary>
internal static class QuotaOracle
{
    /// <summary>
    /// The definition: no slot could be taken from one shard and given to another so that the larger of their two
    /// "slots per weight, before the last slot" becomes smaller. No algorithm, only the inequality, for every pair.
    /// </summary>
    public static bool IsAdams(IReadOnlyDictionary<ShardId, int> quota, IReadOnlyCollection<Shard> active) =>
        quota.Values.Sum() == Slot.Count
        && active.All(a => quota[a.Id] == 0 || active.All(b => (long)(quota[a.Id] - 1) * b.Weight <= (long)quota[b.Id] * a.Weight));

    /// <summary>
    /// The fewest moves over every choice that Adams' method leaves open: shards that tie for the last slots are tried
    /// in every combination.
    /// </summary>
    public static int FewestMoves(IReadOnlyList<ShardId> owners, IReadOnlyCollection<Shard> active)
    {
        var held = owners.CountBy(owner => owner).ToDictionary(pair => pair.Key, pair => pair.Value);
        var (sure, tied, left) = Apportion([.. active]);
        return Combinations(tied, left).Min(lucky =>
            active.Sum(shard => Math.Max(0, sure[shard.Id] + (lucky.Contains(shard.Id) ? 1 : 0) - held.GetValueOrDefault(shard.Id))));
    }

    /// <summary>Gives slot by slot to whoever has most weight per slot, until a tie cannot be given to all who tie.</summary>
    private static (Dictionary<ShardId, int> Sure, List<ShardId> Tied, int Left) Apportion(Shard[] active)
    {
        var quota = new int[active.Length];
        var left = Slot.Count;
        while (true)
        {
            List<int> best = [0];
            for (var i = 1; i < active.Length; i++)
            {
                var comparison = Compare(i, best[0]);
                if (comparison > 0)
                    best.Clear();
                if (comparison >= 0)
                    best.Add(i);
            }
            if (best.Count >= left)
                return (Enumerable.Range(0, active.Length).ToDictionary(i => active[i].Id, i => quota[i]), [.. best.Select(i => active[i].Id)], left);
            foreach (var i in best)
                quota[i]++;
            left -= best.Count;
        }

        // Weight per slot as a fraction; no slot yet is infinitely much.
        int Compare(int a, int b) => (quota[a], quota[b]) switch
        {
            (0, 0) => 0,
            (0, _) => 1,
            (_, 0) => -1,
            var (slotsA, slotsB) => ((long)active[a].Weight * slotsB).CompareTo((long)active[b].Weight * slotsA),
        };
    }

    private static IEnumerable<HashSet<ShardId>> Combinations(List<ShardId> from, int size)
    {
        if (from.Count > 16) // too many to try; which of equals is luckiest is then the one that holds most
            throw new ArgumentException("Too many ties for an oracle that tries them all.", nameof(from));
        for (var chosen = 0; chosen < 1 << from.Count; chosen++)
            if (int.PopCount(chosen) == size)
                yield return [.. from.Where((_, i) => (chosen >> i & 1) == 1)];
    }
}
