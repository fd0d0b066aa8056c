using ShardAdmin.Agents;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Changes;

/// <summary>The course of every command that moves: plan shown, pre-flight, question, run, result.</summary>
internal sealed class ChangeCourse(AdminSession session, MoveRunSettings settings)
{
    private readonly SlotRebalance _moves = new(session, settings);

    public async Task<ExitCode> RunAsync(ClusterChange change, bool dryRun, bool yes, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        change.RequirePossible(ring);
        if (!dryRun && change.CarriesOn)
        {
            await CarryOnAsync(ring, cancellation);
            ring = await session.RequireRingAsync(cancellation);
        }
        var plan = await change.PlanAsync(session, ring, cancellation);
        return await RunAsync(change, ring, plan, pinned: null, "shardadmin " + change.Command, dryRun, yes, cancellation);
    }

    /// <summary>The same course for a plan that was made before, if the ring is still the one of then.</summary>
    public async Task<ExitCode> ApplyAsync(PlanDocument document, string file, bool dryRun, bool yes, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (document.ClusterId != ring.Cluster.Id)
            throw new CommandFailedException(
                ExitCode.Precondition, $"The plan {file} is for the cluster {document.Cluster} ({document.ClusterId}), this one is {ring.Cluster}.", "shardadmin --cluster … apply …, or plan anew");
        if (await OperationSurvey.FindAsync(session, ring.Shards, document.Operation, cancellation) is { } applied)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The plan {file} was applied already: operation {applied.Id} is {applied.State}.", applied.IsOver ? $"shardadmin ops show {applied.Id}" : $"shardadmin ops resume {applied.Id}");
        var pinned = new Epoch(document.Epoch);
        PlanDocument.RequireEpoch(ring, pinned);
        var change = document.Change.ToChange();
        change.RequirePossible(ring);
        var plan = document.ToPlan(ring, (change as AddShardChange)?.Shard);
        MoveJournals.RequireFree(await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation), plan.Moves.SelectMany(move => move.Slots));
        return await RunAsync(change, ring, plan, pinned, $"shardadmin apply {file}", dryRun, yes, cancellation);
    }

    /// <summary>What is unfinished comes first. Detached there is nobody here to carry it on.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> CarryOnAsync(ShardRing ring, CancellationToken cancellation)
    {
        if (!settings.Detach)
            return await _moves.CarryOnAsync(ring, cancellation);
        if (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation) is [var other, ..])
            throw new CommandFailedException(
                ExitCode.Conflict, $"Operation {other.Batch.OperationId} is not finished.", $"shardadmin ops watch {other.Batch.OperationId}; then the same command again");
        return 0;
    }

    private async Task<ExitCode> RunAsync(
        ClusterChange change, ShardRing ring, MovePlan plan, Epoch? pinned, string retry, bool dryRun, bool yes, CancellationToken cancellation)
    {
        if (plan.Moves.Count > 0)
        {
            if (session.Output.ShowsTable)
                PlanTable.Render(session.Output.Results, plan);
            await MovePreflight.RequireAsync(session, ring, plan, cancellation);
            if (!dryRun)
                await session.Output.ConfirmAsync($"Move {Tables.Count(plan.Slots)} slots with about {Tables.Bytes(plan.Bytes)}?", yes, retry, cancellation);
        }
        var moved = dryRun ? 0 : await change.RunAsync(session, _moves, ring, plan, pinned, cancellation);
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        session.Output.Write(ResultOf(plan, dryRun, moved, epoch), console => console.WriteLine(Sentence(change, plan, dryRun, moved, epoch)));
        if (settings.Detach && !dryRun && plan.Slots > 0)
            await AgentRegistry.WarnWithoutAgentAsync(session, plan.Operation, cancellation);
        return ExitCode.Done;
    }

    private object ResultOf(MovePlan plan, bool dryRun, int moved, Epoch epoch) => new
    {
        operation = plan.Moves.Count > 0 ? plan.Operation : (Guid?)null,
        dryRun,
        detached = settings.Detach && !dryRun && plan.Slots > 0,
        plannedSlots = plan.Slots,
        movedSlots = moved,
        estimatedBytes = plan.Bytes,
        moves = plan.Moves.Select(move => new { from = move.From.Id.Value, to = move.To.Id.Value, slots = SlotText.Of(move.Slots, int.MaxValue), bytes = move.Bytes }),
        balance = plan.Balance,
        epoch = epoch.Value,
    };

    private string Sentence(ClusterChange change, MovePlan plan, bool dryRun, int moved, Epoch epoch)
    {
        if (dryRun && plan.Slots > 0)
            return $"Dry run: {Tables.Count(plan.Slots)} slots would move. Nothing was changed.";
        if (settings.Detach && plan.Slots > 0)
            return $"Planned: {Tables.Count(plan.Slots)} slots. An agent carries it on: shardadmin ops watch {plan.Operation}";
        return moved > 0 ? $"Moved {Tables.Count(moved)} slots, epoch {epoch}. Operation {plan.Operation}." : change.Nothing(dryRun);
    }
}
