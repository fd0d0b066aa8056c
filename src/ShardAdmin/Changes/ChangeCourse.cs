using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Changes;

/// <summary>The steps of every command that moves slots: show the plan, check the preconditions, ask, run, write the result.</summary>
internal sealed class ChangeCourse(AdminSession session, MoveRunSettings settings)
{
    private readonly SlotRebalance _moves = new(session, settings);

    public async Task<ExitCode> RunAsync(ClusterChange change, bool dryRun, bool yes, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        change.RequirePossible(ring);
        var retry = "shardadmin " + change.Command;
        if (change.CarriesOn)
        {
            await CarryOnAsync(ring, dryRun, yes, retry, cancellation);
            ring = await session.RequireRingAsync(cancellation);
        }
        var plan = await change.PlanAsync(session, ring, cancellation);
        return await RunAsync(change, ring, plan, pinned: null, retry, dryRun, yes, cancellation);
    }

    /// <summary>The same steps for a plan that was made before. The ring must still have the epoch of the plan.</summary>
    public async Task<ExitCode> ApplyAsync(PlanDocument document, string file, bool dryRun, bool yes, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        if (document.ClusterId != ring.Cluster.Id)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"The plan {file} is for the cluster {document.Cluster} ({document.ClusterId}), this one is {ring.Cluster}.",
                "shardadmin --cluster … apply …, or make a new plan");
        if (await OperationSurvey.FindAsync(session, ring.Shards, document.Operation, cancellation) is { } applied)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The plan {file} was applied already: operation {applied.Id} is {applied.State}.",
                applied.IsOver ? $"shardadmin ops show {applied.Id}" : $"shardadmin ops resume {applied.Id}");
        var pinned = new Epoch(document.Epoch);
        RingReading.RequireEpoch(ring, pinned);
        var change = document.Change.ToChange();
        change.RequirePossible(ring);
        var plan = document.ToPlan(ring, (change as AddShardChange)?.Shard);
        MoveJournals.RequireFree(
            await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation), plan.Moves.SelectMany(move => move.Slots));
        return await RunAsync(change, ring, plan, pinned, $"shardadmin apply {file}", dryRun, yes, cancellation);
    }

    /// <summary>
    /// Continues unfinished operations before the command's own change. It asks first, because they move data. With --detach this process
    /// does not move anything, so it refuses instead.
    /// </summary>
    /// <param name="retry">The command that was typed.</param>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> CarryOnAsync(ShardRing ring, bool dryRun, bool yes, string retry, CancellationToken cancellation)
    {
        var unfinished = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
        if (unfinished is not [var other, ..])
            return 0;
        if (dryRun)
        {
            session.Output.Warn($"{Unfinished(unfinished)} The command would continue this first. The plan below does not include it.");
            return 0;
        }
        if (settings.Detach)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Operation {other.Batch.OperationId} is not finished.",
                $"shardadmin ops watch {other.Batch.OperationId}; then the same command again");
        MoveJournals.RequireNoneStopped(unfinished);
        await ShardLosses.RequireNoneAsync(session, ring.Shards, cancellation);
        await session.Output.ConfirmAsync($"{Unfinished(unfinished)} Continue this first?", yes, retry, cancellation);
        // Only the operations that the question named, even if others began before the answer.
        return await _moves.CarryOnAsync(
            await session.RequireRingAsync(cancellation), [.. unfinished.Select(each => each.Batch.OperationId).Distinct()], cancellation);
    }

    private static string Unfinished(IEnumerable<SourcedBatch> batches) =>
        "Not finished: " + string.Join(", ", batches.GroupBy(each => each.Batch.OperationId).Select(same =>
            $"operation {same.Key} ({Tables.Counted(same.Count(), "batch", "batches")} with "
            + $"{Tables.Counted(same.Sum(each => each.Batch.Slots.Length), "slot")} left)"))
        + ".";

    private async Task<ExitCode> RunAsync(
        ClusterChange change, ShardRing ring, MovePlan plan, Epoch? pinned, string retry, bool dryRun, bool yes,
        CancellationToken cancellation)
    {
        if (plan.Moves.Count > 0)
        {
            if (session.Output.ShowsTable)
                PlanTable.Render(session.Output.Results, plan, settings.Options.Rate.BytesPerSecond);
            await MovePreflight.RequireAsync(session, ring, plan, cancellation);
            if (!dryRun)
                await session.Output.ConfirmAsync(
                    $"Move {Tables.Counted(plan.Slots, "slot")} with about {Tables.Bytes(plan.Bytes)}?", yes, retry, cancellation);
        }
        var moved = dryRun ? 0 : await change.RunAsync(session, _moves, ring, plan, pinned, cancellation);
        var epoch = (await session.RequireRingAsync(cancellation)).Epoch;
        session.Output.Write(
            ResultOf(plan, dryRun, moved, epoch), console => console.WriteLine(Sentence(change, plan, dryRun, moved, epoch)));
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
        moves = MoveDocument.Of(plan),
        balance = plan.Balance,
        epoch = epoch.Value,
    };

    private string Sentence(ClusterChange change, MovePlan plan, bool dryRun, int moved, Epoch epoch)
    {
        if (dryRun && plan.Slots > 0)
            return $"Dry run: {Tables.Counted(plan.Slots, "slot")} would move. Nothing was changed.";
        if (settings.Detach && plan.Slots > 0)
            return $"Planned: {Tables.Counted(plan.Slots, "slot")}. An agent moves them: shardadmin ops watch {plan.Operation}";
        return moved > 0 ? $"Moved {Tables.Counted(moved, "slot")}, epoch {epoch}. Operation {plan.Operation}." : change.Nothing(dryRun);
    }
}
