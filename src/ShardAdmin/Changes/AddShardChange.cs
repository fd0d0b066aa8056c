using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Joining;
using ShardAdmin.Operations;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>add-shard ID …</c></summary>
internal sealed record AddShardChange(Shard Shard) : ClusterChange
{
    private const int MaxTries = 5;

    public override string Command => AddressOptions.AddShard(Shard);

    public override bool CarriesOn => true;

    /// <summary>Checks only the ring. <see cref="ShardJoin.RequirePossibleAsync"/> checks the database too.</summary>
    public override void RequirePossible(ShardRing ring)
    {
        if (ring.IsEmpty)
            throw new CommandFailedException(
                ExitCode.Precondition, "The cluster has no shard yet; the first shard takes all slots, without a plan.",
                "shardadmin " + Command);
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        await new ShardJoin(session, Shard).RequirePossibleAsync(ring, cancellation);
        return (await ShareAsync(session, ring, cancellation)).Moves;
    }

    public override async Task<int> RunAsync(AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation) =>
        (await JoinAsync(
            session, new ShardJoin(session, Shard), moves, new JoinPlan(ShardsOf(ring), ring.Owners, plan, IsChecked: true), plan.Operation, pinned,
            cancellation)).MovedSlots;

    /// <summary>What it is to get, whether it can join or not.</summary>
    public async Task<JoinPlan> ShareAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var (shards, owners) = (ShardsOf(ring), ring.Owners);
        var sizes = await SlotSizes.GuessAsync(session, ring.Shards, owners, cancellation);
        return new JoinPlan(shards, owners, MovePlan.Of(shards, owners, RingPlanner.Plan(owners, shards).Moves, sizes), IsChecked: false);
    }

    /// <summary>What it would come to.</summary>
    /// <param name="plan">Null: it joins only, or takes everything.</param>
    public JoinResult Preview(ShardRing ring, MovePlan? plan)
    {
        ShardId[] owners = ring.IsEmpty ? [.. Enumerable.Repeat(Shard.Id, Slot.Count)] : [.. ring.Owners];
        foreach (var move in plan?.Moves ?? [])
            foreach (var slot in move.Slots)
                owners[slot.Value] = move.To.Id;
        var moved = ring.IsEmpty ? Slot.Count : plan?.Slots ?? 0;
        return new JoinResult(ring.Find(Shard.Id) is null, moved, ring.Next(ShardsOf(ring), owners), DryRun: true);
    }

    public override string Nothing(bool dryRun) => $"Shard {Shard.Id} is in the cluster and has its share. No slot was moved.";

    /// <summary>
    /// Completes operations that another command has begun since this one looked, for instance one that adds a shard at the same time.
    /// Only then this command plans its own moves.
    /// </summary>
    private static async Task<ShardRing> CompleteOthersAsync(
        AdminSession session, SlotRebalance moves, CancellationToken cancellation)
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
    /// <remarks>
    /// The plan was made, shown and checked before the shard joined. If the ring has the same owners now it is carried out as it is, as the
    /// same planner would make the same plan. Nothing rests on that: the batches come into the journals under the lock, and only if each slot
    /// still has the owner that the plan names (<see cref="SlotRebalance"/>). The pre-flight cannot look at the imports and the schema of a
    /// shard that is not in the ring yet; joining has ended the former and migrated the latter. With other owners the plan is made and
    /// checked anew.
    /// </remarks>
    /// <param name="plan">Null: it gets no slots.</param>
    /// <param name="operation">The id that its moves get.</param>
    public async Task<JoinResult> JoinAsync(
        AdminSession session, ShardJoin join, SlotRebalance moves, JoinPlan? plan, Guid operation, Epoch? pinned,
        CancellationToken cancellation)
    {
        var result = await join.RunAsync(pinned, cancellation);
        if (plan is null || result.Ring.Shards.Length == 1)
            return result;
        if (!plan.IsFor(result.Ring))
            plan = await ShareAsync(session, result.Ring, cancellation);
        if (plan.Moves.Moves.Count == 0)
            return result;
        result = result with { Remaining = plan.Moves.Slots };
        for (var tries = 1; ; tries++)
            try
            {
                var ring = moves.IsDetached ? result.Ring : await CompleteOthersAsync(session, moves, cancellation);
                if (!plan.IsFor(ring))
                    plan = await ShareAsync(session, ring, cancellation);
                if (!plan.IsChecked)
                    await MovePreflight.RequireAsync(session, ring, plan.Moves, cancellation);
                var moved = await moves.RunAsync(ring, plan.Moves with { Operation = operation }, Command, pinned: null, cancellation);
                return result with { MovedSlots = moved };
            }
            catch (CommandFailedException e)
                when (e.Failure.Code == ExitCode.Conflict && session.CarryOn is null && tries < MaxTries)
            {
                // Another command changed the ring before this plan was written into the journals: they have nothing of this plan.
            }
    }

    /// <returns>Those of the ring, and this one if it is none of them.</returns>
    private Shard[] ShardsOf(ShardRing ring) =>
        ring.Find(Shard.Id) is null ? [.. ring.Shards.Append(Shard).OrderBy(shard => shard.Id)] : [.. ring.Shards];
}

/// <summary>What a shard that joins is to get.</summary>
/// <param name="Shards">With it.</param>
/// <param name="Owners">Of each slot, when the plan was made.</param>
/// <param name="IsChecked">By <see cref="MovePreflight"/>.</param>
internal sealed record JoinPlan(IReadOnlyList<Shard> Shards, IReadOnlyList<ShardId> Owners, MovePlan Moves, bool IsChecked)
{
    /// <summary>Not made yet.</summary>
    public static JoinPlan None { get; } = new([], [], new MovePlan(Guid.Empty, [], []), IsChecked: false);

    public bool IsFor(ShardRing ring) => Shards.SequenceEqual(ring.Shards) && Owners.SequenceEqual(ring.Owners);
}
