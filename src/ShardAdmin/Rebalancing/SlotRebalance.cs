using ShardAdmin.Changes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>From a wish to batches in the journals, and on to their end: what move, add-shard, remove-shard and rebalance share.</summary>
/// <remarks>
/// Steps: 1 look and plan, change nothing; pre-flight; the plan is shown and confirmed · 2 under the admin lock look again: what
/// was planned must still hold · 3 collections to the targets, batches into the sources' journals · 4 without the admin
/// lock, the batches one by one. A crash before 3 leaves nothing; after it, the journals have everything.
/// </remarks>
internal sealed class SlotRebalance(AdminSession session, MoveRunSettings settings)
{
    /// <summary>A batch that another process has handed over is completed by then, unless it is very large.</summary>
    private static readonly TimeSpan OthersLimit = TimeSpan.FromSeconds(60);

    /// <summary>The plan goes into the journals and no further; an agent carries it on.</summary>
    public bool IsDetached => settings.Detach;

    /// <summary>Steps 2 to 4 for a plan that was confirmed.</summary>
    /// <param name="command">What was typed, for the history.</param>
    /// <param name="pinned">The ring must still have this epoch; null: only the owners of the slots count.</param>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> RunAsync(ShardRing ring, MovePlan plan, string command, Epoch? pinned, CancellationToken cancellation)
    {
        if (plan.Moves.Count == 0)
            return 0;
        SourcedBatch[] batches = [.. plan.Batches(settings.BatchSlots ?? MoveBatch.UsualSlots)];
        // Before the journals have them: or an agent would see batches that nobody works on.
        await using var held = IsDetached ? null : await OperationLock.TakeAsync(session, plan.Operation, SourcesOf(batches), cancellation);
        await using (await AdminLock.TakeAsync(session, ring.Shards, cancellation))
        {
            var now = await session.RequireRingAsync(cancellation);
            PlanDocument.RequireEpoch(now, pinned);
            RequireStill(now, plan);
            MoveJournals.RequireFree(await MoveJournals.UnfinishedAsync(session, now.Shards, cancellation), plan.Moves.SelectMany(move => move.Slots));
            foreach (var target in plan.Moves.Select(move => move.To).DistinctBy(shard => shard.Id))
                await CollectionCopy.RunAsync(session, now.Shards, target, cancellation);
            session.LeftOff = "The plan may be in the journals; no slot has moved.";
            session.CarryOn = $"shardadmin ops resume {plan.Operation}";
            await MoveJournals.AddAsync(session, batches, command, cancellation);
            await session.Failpoint.ReachedAsync("moves-planned", cancellation);
            ring = now;
        }
        return held is null ? 0 : await RunShownAsync(ring, held, batches, cancellation);
    }

    /// <summary>What stands of these operations in the journals, one after the other; nothing if some of it was stopped on purpose.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> CarryOnAsync(ShardRing ring, IReadOnlyCollection<Guid> operations, CancellationToken cancellation)
    {
        SourcedBatch[] unfinished = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => operations.Contains(each.Batch.OperationId))];
        MoveJournals.RequireNoneStopped(unfinished);
        var moved = 0;
        foreach (var same in unfinished.GroupBy(each => each.Batch.OperationId))
            moved += await ResumeOneAsync(ring, same.Key, await TakeAsync(ring, same.Key, takeOver: false, cancellation), cancellation);
        return moved;
    }

    /// <summary>One operation, or all, also what was paused.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> ResumeAsync(ShardRing ring, Guid? operation, bool takeOver, CancellationToken cancellation)
    {
        var moved = 0;
        foreach (var id in (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Select(each => each.Batch.OperationId).Distinct())
            if (operation is null || id == operation)
                moved += await ResumeOneAsync(ring, id, await TakeAsync(ring, id, takeOver, cancellation), cancellation);
        return moved;
    }

    /// <summary>What is left of an operation, waiting for another process that may be at it already.</summary>
    public async Task CompleteAsync(ShardRing ring, Guid operation, CancellationToken cancellation)
    {
        var held = await OperationLock.TryTakeAsync(session, operation, await SourcesAsync(ring, operation, cancellation), OthersLimit, cancellation)
            ?? await TakeAsync(ring, operation, takeOver: false, cancellation);
        await ResumeOneAsync(ring, operation, held, cancellation);
    }

    /// <summary>What is left of an operation, unless another process works on it.</summary>
    public async Task TryCompleteAsync(ShardRing ring, Guid operation, CancellationToken cancellation)
    {
        if (await OperationLock.TryTakeAsync(session, operation, await SourcesAsync(ring, operation, cancellation), TimeSpan.Zero, cancellation) is { } held)
            await ResumeOneAsync(ring, operation, held, cancellation);
    }

    private async Task<OperationLock> TakeAsync(ShardRing ring, Guid operation, bool takeOver, CancellationToken cancellation)
    {
        var sources = await SourcesAsync(ring, operation, cancellation);
        return takeOver
            ? await OperationLock.TakeOverAsync(session, operation, sources, cancellation)
            : await OperationLock.TakeAsync(session, operation, sources, cancellation);
    }

    /// <param name="held">Is given back.</param>
    private async Task<int> ResumeOneAsync(ShardRing ring, Guid operation, OperationLock held, CancellationToken cancellation)
    {
        await using (held)
        {
            // With the lock in hand: an agent that waits for the wish would be faster.
            await MoveJournals.WishAsync(session, ring.Shards, operation, MoveWish.Run, cancellation);
            var batches = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation).ToLookup(each => each.Batch.Disputed is not null);
            var moved = await RunShownAsync(ring, held, [.. batches[false]], cancellation);
            return batches[true].FirstOrDefault() is { Batch: { Disputed: { } why } batch } ? throw BatchRunner.Disputed($"Batch {batch.Id}: {why}", operation) : moved;
        }
    }

    private async Task<Shard[]> SourcesAsync(ShardRing ring, Guid operation, CancellationToken cancellation) =>
        SourcesOf((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation));

    private async Task<int> RunShownAsync(ShardRing ring, OperationLock held, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        var (display, moved) = (new MoveDisplay(batches), 0);
        await session.Output.WithLiveAsync(
            display.Render, display.Changes, async () => moved = await new MoveRunner(session, settings, held, display).RunAsync(ring, batches, cancellation));
        return moved;
    }

    private static Shard[] SourcesOf(IEnumerable<SourcedBatch> batches) => [.. batches.Select(each => each.Source).DistinctBy(shard => shard.Id)];

    private static void RequireStill(ShardRing ring, MovePlan plan)
    {
        // A target that drains since then will leave as soon as it is empty: nobody would serve what comes to it afterwards.
        if (plan.Moves.Any(move => ring.Find(move.From.Id) is null || ring.Find(move.To.Id) is not { State: ShardState.Active } || move.Slots.Any(slot => ring.OwnerOf(slot).Id != move.From.Id)))
            throw new CommandFailedException(ExitCode.Conflict, "The ring changed since the plan was made; no slot was moved.", "the same command again: it makes a new plan");
    }
}
