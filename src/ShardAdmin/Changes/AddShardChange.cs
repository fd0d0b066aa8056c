using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>add-shard ID …</c></summary>
internal sealed record AddShardChange(Shard Shard) : ClusterChange
{
    private const int MaxTries = 5;

    public override string Command =>
        $"add-shard {Shard.Id} {AddressOptions.Of(Shard.At)}{(Shard.Weight == 1 ? "" : $" --weight {Shard.Weight}")}";

    public override bool CarriesOn => true;

    /// <summary>More than the ring has to be asked: <see cref="ShardJoin.RequirePossibleAsync"/> does.</summary>
    public override void RequirePossible(ShardRing ring)
    {
        if (ring.IsEmpty)
            throw new CommandFailedException(ExitCode.Precondition, "The cluster has no shard yet; the first one takes everything, without a plan.", "shardadmin " + Command);
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        await new ShardJoin(session, Shard).RequirePossibleAsync(ring, cancellation);
        Shard[] shards = [.. ring.Shards.Where(each => each.Id != Shard.Id), Shard];
        return MovePlan.Of(shards, ring.Owners, RingPlanner.Plan(ring.Owners, shards).Moves, await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation));
    }

    public override async Task<int> RunAsync(AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation) =>
        (await JoinAsync(session, moves, rebalance: true, dryRun: false, plan.Operation, pinned, cancellation)).MovedSlots;

    public override string Nothing(bool dryRun) => $"Shard {Shard.Id} is in the cluster and has its share. No slot was moved.";

    /// <summary>
    /// Somebody who adds a shard at the same time has begun to move slots since we looked: theirs come first, then ours are planned.
    /// </summary>
    private static async Task<ShardRing> CompleteOthersAsync(AdminSession session, SlotRebalance moves, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var others = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
        MoveJournals.RequireNoneStopped(others);
        foreach (var operation in others.Select(each => each.Batch.OperationId).Distinct())
            await moves.CompleteAsync(ring, operation, cancellation);
        session.CarryOn = null;
        return others.Count == 0 ? ring : await session.RequireRingAsync(cancellation);
    }

    /// <summary>Joins, then moves its share.</summary>
    /// <param name="operation">The id that its moves get.</param>
    public async Task<JoinResult> JoinAsync(
        AdminSession session, SlotRebalance moves, bool rebalance, bool dryRun, Guid operation, Epoch? pinned, CancellationToken cancellation)
    {
        var result = await new ShardJoin(session, Shard).RunAsync(rebalance, dryRun, cancellation, pinned);
        if (result.Remaining == 0)
            return result;
        for (var tries = 1; ; tries++)
            try
            {
                var ring = moves.IsDetached ? result.Ring : await CompleteOthersAsync(session, moves, cancellation);
                // The same planner on the same owners: what was shown, unless somebody else moved slots meanwhile.
                var sizes = await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation);
                var rest = MovePlan.Of(ring.Shards, ring.Owners, RingPlanner.Plan(ring.Owners, ring.Shards).Moves, sizes) with { Operation = operation };
                await MovePreflight.RequireAsync(session, ring, rest, cancellation);
                return result with { MovedSlots = await moves.RunAsync(ring, rest, Command, pinned: null, cancellation) };
            }
            catch (CommandFailedException e) when (e.Failure.Code == ExitCode.Conflict && session.CarryOn is null && tries < MaxTries)
            {
                // Another command was faster between our plan and its coming into the journals; nothing of ours is there.
            }
    }
}
