using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Indexes;
using ShardAdmin.Keys;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardAdmin.Shards;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// The part that move, add-shard, remove-shard and rebalance share: it writes the batches of a plan into the journals and runs them.
/// </summary>
/// <remarks>
/// Steps: 1 plan without changing anything, check the preconditions, show the plan and ask · 2 take the admin lock and check that the plan
/// still fits the ring · 3 copy the collections to the targets, and write the batches into the sources' journals · 4 release the admin lock
/// and run the batches one by one. A crash before step 3 leaves nothing; after step 3 the journals have everything.
/// </remarks>
internal sealed class SlotRebalance(AdminSession session, MoveRunSettings settings)
{
    /// <summary>Within this time another process completes a batch that it has handed over, unless the batch is very large.</summary>
    private static readonly TimeSpan OthersLimit = TimeSpan.FromSeconds(60);

    /// <summary>True: the plan is only written into the journals; an agent runs it.</summary>
    public bool IsDetached => settings.Detach;

    /// <summary>Runs steps 2 to 4 for a plan that was confirmed.</summary>
    /// <param name="command">The command that was typed, for the history.</param>
    /// <param name="pinned">The ring must still have this epoch; null: only the owners of the slots count.</param>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> RunAsync(ShardRing ring, MovePlan plan, string command, Epoch? pinned, CancellationToken cancellation)
    {
        if (plan.Moves.Count == 0)
            return 0;
        SourcedBatch[] batches = [.. plan.Batches(settings.BatchSlots ?? MoveBatch.UsualSlots)];
        // The lock comes before the batches are in the journals: otherwise an agent would see batches that nobody works on.
        await using var held = IsDetached
            ? null
            : await OperationLock.TakeAsync(session, plan.Operation, SourcesOf(batches), cancellation);
        await using (await AdminLock.TakeAsync(session, ring.Shards, cancellation))
        {
            var now = await session.RequireRingAsync(cancellation);
            RingReading.RequireEpoch(now, pinned);
            RequireStill(now, plan);
            MoveJournals.RequireFree(
                await MoveJournals.UnfinishedAsync(session, now.Shards, cancellation), plan.Moves.SelectMany(move => move.Slots));
            foreach (var target in plan.Moves.Select(move => move.To).DistinctBy(shard => shard.Id))
            {
                await CollectionCopy.RunAsync(session, now.Shards, target, cancellation);
                await KeyCopy.RunAsync(session, now.Shards, target, cancellation);
                await IndexSurvey.RequireBuiltAsync(session, now, target, cancellation);
            }
            session.LeftOff = "The plan may be in the journals; no slot has moved.";
            session.CarryOn = $"shardadmin ops resume {plan.Operation}";
            await MoveJournals.AddAsync(session, batches, command, cancellation);
            await session.Failpoint.ReachedAsync("moves-planned", cancellation);
            ring = now;
        }
        return held is null ? 0 : await RunShownAsync(ring, held, batches, cancellation);
    }

    /// <summary>
    /// Continues these operations one after the other. If a person has stopped one of them on purpose, or one is disputed, it runs none.
    /// </summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> CarryOnAsync(ShardRing ring, IReadOnlyCollection<Guid> operations, CancellationToken cancellation)
    {
        SourcedBatch[] unfinished = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => operations.Contains(each.Batch.OperationId))];
        MoveJournals.RequireNoneStopped(unfinished);
        var moved = 0;
        foreach (var same in unfinished.GroupBy(each => each.Batch.OperationId))
            moved += await ResumeOneAsync(ring, same.Key, await TakeAsync(ring, same.Key, takeOver: false, cancellation), cancellation);
        return moved;
    }

    /// <summary>Continues one operation, or all; also paused ones.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> ResumeAsync(ShardRing ring, Guid? operation, bool takeOver, CancellationToken cancellation)
    {
        var moved = 0;
        foreach (var id in (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Select(each => each.Batch.OperationId).Distinct())
            if (operation is null || id == operation)
                moved += await ResumeOneAsync(ring, id, await TakeAsync(ring, id, takeOver, cancellation), cancellation);
        return moved;
    }

    /// <summary>Completes an operation. If another process works on it, this method waits for that process first.</summary>
    public async Task CompleteAsync(ShardRing ring, Guid operation, CancellationToken cancellation)
    {
        var sources = await SourcesAsync(ring, operation, cancellation);
        var held = await OperationLock.TryTakeAsync(session, operation, sources, OthersLimit, cancellation)
            ?? await TakeAsync(ring, operation, takeOver: false, cancellation);
        await ResumeOneAsync(ring, operation, held, cancellation);
    }

    /// <summary>Completes an operation, unless another process works on it.</summary>
    public async Task TryCompleteAsync(ShardRing ring, Guid operation, CancellationToken cancellation)
    {
        var sources = await SourcesAsync(ring, operation, cancellation);
        if (await OperationLock.TryTakeAsync(session, operation, sources, TimeSpan.Zero, cancellation) is { } held)
            await ResumeOneAsync(ring, operation, held, cancellation);
    }

    private async Task<OperationLock> TakeAsync(ShardRing ring, Guid operation, bool takeOver, CancellationToken cancellation)
    {
        var sources = await SourcesAsync(ring, operation, cancellation);
        return takeOver
            ? await OperationLock.TakeOverAsync(session, operation, sources, cancellation)
            : await OperationLock.TakeAsync(session, operation, sources, cancellation);
    }

    /// <param name="held">This method releases it.</param>
    private async Task<int> ResumeOneAsync(ShardRing ring, Guid operation, OperationLock held, CancellationToken cancellation)
    {
        await using (held)
        {
            // The lock comes before the wish: otherwise an agent would see the wish and could take the lock first.
            await MoveJournals.WishAsync(session, ring.Shards, operation, MoveWish.Run, cancellation);
            var batches = (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
                .Where(each => each.Batch.OperationId == operation).ToLookup(each => each.Batch.Disputed is not null);
            var moved = await RunShownAsync(ring, held, [.. batches[false]], cancellation);
            return batches[true].FirstOrDefault() is { Batch: { Disputed: { } why } batch }
                ? throw MoveJournals.Disputed($"Batch {batch.Id}: {why}", operation)
                : moved;
        }
    }

    private async Task<Shard[]> SourcesAsync(ShardRing ring, Guid operation, CancellationToken cancellation) =>
        SourcesOf((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation))
            .Where(each => each.Batch.OperationId == operation));

    private async Task<int> RunShownAsync(
        ShardRing ring, OperationLock held, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        var (display, moved) = (new MoveDisplay(batches), 0);
        await session.Output.WithLiveAsync(
            display.Render, display.Changes,
            async () => moved = await new MoveRunner(session, settings, held, display).RunAsync(ring, batches, cancellation));
        return moved;
    }

    private static Shard[] SourcesOf(IEnumerable<SourcedBatch> batches) =>
        [.. batches.Select(each => each.Source).DistinctBy(shard => shard.Id)];

    private static void RequireStill(ShardRing ring, MovePlan plan)
    {
        // A target that is draining now leaves the ring as soon as it is empty: no shard would serve slots that come to it afterwards.
        if (plan.Moves.Any(move =>
            ring.Find(move.From.Id) is null || ring.Find(move.To.Id) is not { State: ShardState.Active }
            || move.Slots.Any(slot => ring.OwnerOf(slot).Id != move.From.Id)))
            throw new CommandFailedException(
                ExitCode.Conflict, "The ring changed since the plan was made; no slot was moved.",
                "the same command again: it makes a new plan");
    }
}
