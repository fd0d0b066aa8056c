using System.Globalization;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>rebalance</c></summary>
/// <param name="Threshold">A part of a share: 0.05 is 5%.</param>
internal sealed record RebalanceChange(BalanceMeasure By, double Threshold, IReadOnlyDictionary<ShardId, int> Weights) : ClusterChange
{
    public override string Command => string.Create(
        CultureInfo.InvariantCulture,
        $"rebalance{(By == BalanceMeasure.Size ? " --by size" : "")}{(Threshold == 0.05 ? "" : $" --threshold {Threshold * 100:0.##}%")}")
        + string.Concat(Weights.OrderBy(each => each.Key).Select(each => $" --weight {each.Key}={each.Value}"));

    public override bool CarriesOn => true;

    public override void RequirePossible(ShardRing ring)
    {
        foreach (var id in Weights.Keys)
            ring.RequireShard(id);
        if (!ring.Shards.Any(shard => shard.State == ShardState.Active))
            throw new CommandFailedException(ExitCode.Precondition, "There is no shard that can own slots.", "shardadmin add-shard --help");
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([.. Weights.Keys]);
        known.RequireOwnersAgree();
        Shard[] shards = [.. Weighted(ring.Shards)];
        if (By == BalanceMeasure.Size)
            return await PlanBySizeAsync(session, ring, shards, cancellation);
        var moves = Imbalance(ring, shards) <= Threshold ? [] : RingPlanner.Plan(ring.Owners, shards).Moves;
        return MovePlan.Of(shards, ring.Owners, moves, await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation));
    }

    public override async Task<int> RunAsync(
        AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation)
    {
        var now = await new ShardListChange(session).PublishAsync(
            [.. Weights.Keys], _ => true, each => Weighted(each.Shards), "rebalance: weights", cancellation, pinned);
        return await moves.RunAsync(now, plan, Command, pinned: null, cancellation);
    }

    public override string Nothing(bool dryRun) => "Every shard is within the threshold of its share. No slot was moved.";

    private async Task<MovePlan> PlanBySizeAsync(AdminSession session, ShardRing ring, Shard[] shards, CancellationToken cancellation)
    {
        var sizes = await SlotSizes.MeasureAsync(session, ring.Shards, ring.Owners, cancellation);
        var plan = MovePlan.Of(shards, ring.Owners, RingSizePlanner.Plan(ring.Owners, shards, sizes, Threshold).Moves, sizes);
        var (total, weights) = ((double)sizes.Sum(), shards.Where(shard => shard.State == ShardState.Active).Sum(shard => shard.Weight));
        foreach (var shard in plan.Balance.Where(each => shards.First(shard => shard.Id.Value == each.Shard).State == ShardState.Active))
            if (Math.Abs(shard.BytesAfter - (total * shard.Weight / weights)) > (total * shard.Weight / weights * Threshold) + 1)
                session.Output.Warn(
                    $"Shard {shard.Shard} stays outside the threshold: only whole slots can move, and one of its slots is larger than the "
                    + "amount that would have to move.");
        return plan;
    }

    private IEnumerable<Shard> Weighted(IEnumerable<Shard> shards) =>
        shards.Select(shard => Weights.TryGetValue(shard.Id, out var weight) ? shard with { Weight = weight } : shard);

    /// <summary>The largest distance of a shard from its share, as a part of the share. A difference of one slot counts as zero.</summary>
    private static double Imbalance(ShardRing ring, Shard[] shards)
    {
        var all = (double)shards.Where(shard => shard.State == ShardState.Active).Sum(shard => shard.Weight);
        return shards.Max(shard =>
        {
            var (owned, share) = (ring.SlotsOf(shard.Id).Length, shard.State == ShardState.Active ? Slot.Count * shard.Weight / all : 0);
            return share == 0 ? owned : Math.Max(0, Math.Abs(owned - share) - 1) / share;
        });
    }
}

/// <summary>How a shard's share is measured.</summary>
internal enum BalanceMeasure
{
    /// <summary>By the number of slots.</summary>
    Count,

    /// <summary>By the bytes in the slots.</summary>
    Size,
}
