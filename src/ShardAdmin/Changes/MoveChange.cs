using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardCore.Ring;

namespace ShardAdmin.Changes;

/// <summary><c>move SLOTS --to ID</c></summary>
internal sealed record MoveChange(IReadOnlyList<Slot> Slots, ShardId To) : ClusterChange
{
    public override string Command => $"move {SlotText.Of(Slots.Order(), int.MaxValue)} --to {To}";

    public override void RequirePossible(ShardRing ring)
    {
        var target = ring.RequireShard(To);
        if (target.State == ShardState.Draining)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {To} is being removed; it takes no slots.", "shardadmin ring show");
    }

    public override async Task<MovePlan> PlanAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var known = await RingKnowledge.ReadAsync(session, ring, [], cancellation);
        known.RequireNotSetBack([]);
        MoveJournals.RequireFree(await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation), Slots);
        if (Slots.Where(slot => known.Ownership.OwnersOf(slot) is not [var owner] || owner != ring.OwnerOf(slot).Id).ToArray()
            is { Length: > 0 } odd)
            throw new CommandFailedException(
                ExitCode.Precondition, $"Slots {SlotText.Of(odd.Order())} have another owner than the ring says, or not exactly one.",
                "shardadmin ring rebuild; shardadmin doctor");
        var owners = ring.Owners;
        return MovePlan.Of(
            ring.Shards, owners, Slots.Where(slot => owners[slot.Value] != To).Select(slot => new SlotMove(slot, owners[slot.Value], To)),
            await SlotSizes.GuessAsync(session, ring.Shards, owners, cancellation));
    }

    public override Task<int> RunAsync(
        AdminSession session, SlotRebalance moves, ShardRing ring, MovePlan plan, Epoch? pinned, CancellationToken cancellation) =>
        moves.RunAsync(ring, plan, Command, pinned, cancellation);

    public override string Nothing(bool dryRun) => $"All of these slots are owned by {To} already. Nothing was changed.";
}
