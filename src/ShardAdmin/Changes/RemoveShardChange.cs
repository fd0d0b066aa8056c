using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>remove-shard ID</c></summary>
/// <remarks>Steps: 1 the shard is marked as draining: no plan gives it slots · 2 all its slots move away · 3 it leaves the ring. After a
/// crash the same command completes the rest. An agent completes it too: it may, because only this change marks shards as
/// draining.</remarks>
internal sealed record RemoveShardChange(ShardId Shard) : ClusterChange
{
    public override string Command => $"remove-shard {Shard}";

    public override bool CarriesOn => true;

    public override void RequirePossible(ShardRing ring)
    {
        ring.RequireShard(Shard);
        if (!ring.Shards.Any(each => each.Id != Shard && each.State == ShardState.Active))
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Shard {Shard} is the last one that can own slots; no other shard could take its {Tables.Counted(ring.SlotsOf(Shard).Length, "slot")}.",
                "shardadmin add-shard --help");
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([Shard]);
        known.RequireOwnersAgree();
        Shard[] draining = [.. Draining(ring)];
        return MovePlan.Of(
            draining, ring.Owners, RingPlanner.Plan(ring.Owners, draining).Moves.Where(move => move.From == Shard),
            await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation));
    }

    public override async Task<int> RunAsync(
        AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation)
    {
        session.LeftOff = $"Shard {Shard} may be draining; it still serves the slots that it owns. The same command continues.";
        ring = await new ShardListChange(session).PublishAsync(
            [Shard], _ => true, Draining, $"remove-shard {Shard}: drain", cancellation, pinned);
        var moved = await moves.RunAsync(ring, plan, Command, pinned: null, cancellation);
        if (moves.IsDetached && plan.Slots > 0)
            return moved; // an agent removes the shard from the ring when it is empty
        await session.Failpoint.ReachedAsync("drained", cancellation);
        await TakeOutAsync(session, Shard, cancellation);
        return moved;
    }

    public override string Nothing(bool dryRun) => dryRun
        ? $"Dry run: {Shard} owns nothing and would be removed. Nothing was changed."
        : $"Shard {Shard} is out of the ring.";

    /// <summary>Removes the shard from the ring, if it owns nothing.</summary>
    public static Task<ShardRing> TakeOutAsync(AdminSession session, ShardId shard, CancellationToken cancellation) =>
        new ShardListChange(session).PublishAsync(
            [shard], _ => true, now => now.Shards.Where(each => each.Id != shard), $"remove-shard {shard}", cancellation);

    private IEnumerable<Shard> Draining(ShardRing ring) =>
        ring.Shards.Select(each => each.Id == Shard ? each with { State = ShardState.Draining } : each);
}
