using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>ops rollback ID</c>: what the operation has handed over goes back to where it was, the rest of it is cancelled.</summary>
/// <remarks>
/// A move back is a move: new, online, and fenced like any. Steps: 1 batches that were not released are cancelled · 2 those that
/// were are completed, because from there a move only goes forward · 3 shards that drain, and shall have slots again, become
/// active · 4 the slots move back. Slots that a later operation has moved on stay where that one put them.
/// </remarks>
internal sealed record RollbackChange(Guid Operation) : ClusterChange
{
    public override string Command => $"ops rollback {Operation}";

    public override void RequirePossible(ShardRing ring)
    {
        // The journals tell, not the ring.
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var operation = await OperationSurvey.FindAsync(session, ring.Shards, Operation, cancellation)
            ?? throw new CommandFailedException(ExitCode.NotFound, $"There is no operation {Operation}.", "shardadmin ops list");
        if (operation.CountForgotten() is > 0 and var forgotten)
            session.Output.Warn($"{forgotten} batches of operation {Operation} are not in the shards' histories any more; their slots stay.");
        var handedOver = operation.BatchList.Where(line => line.IsHandedOver).ToArray();
        if (handedOver.FirstOrDefault(line => ring.Find(new ShardId(line.Source)) is null) is { } orphan)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Slots of operation {Operation} would go back to {orphan.Source}, which is not in the ring.", $"shardadmin add-shard {orphan.Source} --no-rebalance …; then the same command again");
        var moves = new List<SlotMove>();
        foreach (var line in handedOver)
            foreach (var slot in line.SlotList)
                if (line.Phase != "done" || ring.OwnerOf(slot).Id.Value == line.Target)
                    moves.Add(new SlotMove(slot, new ShardId(line.Target), new ShardId(line.Source)));
        if (handedOver.Sum(line => line.SlotCount) - moves.Count is > 0 and var gone)
            session.Output.Warn($"{gone} slots of operation {Operation} were moved on by later operations; they stay.");
        return MovePlan.Of(Awake(ring, moves), Current(ring, moves), moves, await SlotSizes.GuessAsync(session, ring.Shards, ring.Owners, cancellation));
    }

    public override async Task<int> RunAsync(AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation)
    {
        session.LeftOff = $"Operation {Operation} may be partly cancelled; every slot has its owner. The same command goes on.";
        if ((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Any(each => each.Batch.OperationId == Operation))
        {
            await new OperationCancel(session).RunAsync(ring, Operation, cancellation); // 1
            await moves.CompleteAsync(ring, Operation, cancellation); // 2
            ring = await session.RequireRingAsync(cancellation);
            plan = await PlanAsync(session, ring, cancellation) with { Operation = plan.Operation };
        }
        SlotMove[] back = [.. plan.Moves.SelectMany(move => move.Slots.Select(slot => new SlotMove(slot, move.From.Id, move.To.Id)))];
        ring = await new ShardListChange(session).PublishAsync([.. back.Select(move => move.To).Distinct()], _ => true, now => Awake(now, back), $"{Command}: not removed", cancellation, pinned); // 3
        return await moves.RunAsync(ring, plan, Command, pinned: null, cancellation); // 4
    }

    public override string Nothing(bool dryRun) => $"Operation {Operation} has nothing that could go back{(dryRun ? "" : "; what was not handed over is cancelled")}.";

    private static Shard[] Awake(ShardRing ring, IEnumerable<SlotMove> moves)
    {
        var targets = moves.Select(move => move.To).ToHashSet();
        return [.. ring.Shards.Select(shard => targets.Contains(shard.Id) ? shard with { State = ShardState.Active } : shard)];
    }

    /// <summary>A released batch may not be in the ring yet; it will be before it goes back.</summary>
    private static ShardId[] Current(ShardRing ring, IEnumerable<SlotMove> moves)
    {
        var owners = ring.Owners.ToArray();
        foreach (var move in moves)
            owners[move.Slot.Value] = move.From!.Value;
        return owners;
    }
}
