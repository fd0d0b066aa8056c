using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary>
/// <c>ops rollback ID</c>: slots that the operation has handed over move back to their old shard; the rest of it is cancelled.
/// </summary>
/// <remarks>
/// Moving back is a new move: online, and fenced like any other. Steps: 1 batches that were not released are cancelled · 2 released
/// batches are completed, because after its release a batch can only go forward · 3 draining shards that get slots back become active
/// again · 4 the slots move back. Slots that a later operation has moved stay where that operation put them.
/// </remarks>
internal sealed record RollbackChange(Guid Operation) : ClusterChange
{
    public override string Command => $"ops rollback {Operation}";

    public override void RequirePossible(ShardRing ring)
    {
        // The ring does not show it; PlanAsync reads the journals.
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var operation = await OperationSurvey.FindAsync(session, ring.Shards, Operation, cancellation)
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no operation {Operation}.", "shardadmin ops list");
        if (operation.CountForgotten() is > 0 and var forgotten)
            session.Output.Warn(
                $"Not in the shards' histories any more: {Tables.Counted(forgotten, "batch", "batches")} of operation {Operation}. "
                + "What they moved stays.");
        var handedOver = operation.BatchList.Where(line => line.IsHandedOver).ToArray();
        if (handedOver.FirstOrDefault(line => ring.Find(new ShardId(line.Source)) is null) is { } orphan)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Slots of operation {Operation} would go back to {orphan.Source}, which is not in the ring.",
                $"shardadmin add-shard {orphan.Source} --no-rebalance …; then the same command again");
        var moves = new List<SlotMove>();
        foreach (var line in handedOver)
            foreach (var slot in line.SlotList)
                if (line.Phase != "done" || ring.OwnerOf(slot).Id.Value == line.Target)
                    moves.Add(new SlotMove(slot, new ShardId(line.Target), new ShardId(line.Source)));
        if (handedOver.Sum(line => line.SlotCount) - moves.Count is > 0 and var gone)
            session.Output.Warn(
                $"Moved on by later operations, and left there: {Tables.Counted(gone, "slot")} of operation {Operation}.");
        return MovePlan.Of(
            Awake(ring, moves), Current(ring, moves), moves,
            await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation));
    }

    public override async Task<int> RunAsync(
        AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation)
    {
        session.LeftOff = $"Operation {Operation} may be partly cancelled; every slot has its owner. The same command continues.";
        if ((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Any(each => each.Batch.OperationId == Operation))
        {
            await new OperationCancel(session).RunAsync(ring, Operation, cancellation); // 1
            await moves.CompleteAsync(ring, Operation, cancellation); // 2
            ring = await session.RequireRingAsync(cancellation);
            plan = await PlanAsync(session, ring, cancellation) with { Operation = plan.Operation };
        }
        SlotMove[] back = [.. plan.Moves.SelectMany(move => move.Slots.Select(slot => new SlotMove(slot, move.From.Id, move.To.Id)))];
        ring = await new ShardListChange(session).PublishAsync( // 3
            [.. back.Select(move => move.To).Distinct()], _ => true, now => Awake(now, back), $"{Command}: not removed", cancellation,
            pinned);
        return await moves.RunAsync(ring, plan, Command, pinned: null, cancellation); // 4
    }

    public override string Nothing(bool dryRun) =>
        $"Operation {Operation} has nothing that could go back"
        + $"{(dryRun ? "" : "; the batches that were not handed over are cancelled")}.";

    private static Shard[] Awake(ShardRing ring, IEnumerable<SlotMove> moves)
    {
        var targets = moves.Select(move => move.To).ToHashSet();
        return [.. ring.Shards.Select(shard => targets.Contains(shard.Id) ? shard with { State = ShardState.Active } : shard)];
    }

    /// <summary>
    /// The owners when the slots move back. The ring may not show a released batch yet, but it will before the slots move back.
    /// </summary>
    private static ShardId[] Current(ShardRing ring, IEnumerable<SlotMove> moves)
    {
        var owners = ring.Owners.ToArray();
        foreach (var move in moves)
            owners[move.Slot.Value] = move.From!.Value;
        return owners;
    }
}
