using Dapper;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Moves;
using ShardCore.Ring;
using Spectre.Console;

namespace ShardAdmin.Rebalancing;

/// <summary>From a wish to batches in the journals, and on to their end: what move, add-shard, remove-shard and rebalance share.</summary>
/// <remarks>
/// Steps: 1 look and plan, change nothing; pre-flight; the plan is shown and confirmed · 2 under the admin lock look again: what
/// was planned must still hold · 3 collections to the targets, batches into the sources' journals · 4 without the admin
/// lock, the batches one by one. A crash before 3 leaves nothing; after it, the journals have everything.
/// </remarks>
internal sealed class SlotRebalance(AdminSession session, MoveRunSettings settings)
{
    /// <summary>Reads the sources' sizes and puts the plan together.</summary>
    public async Task<MovePlan> PlanAsync(IReadOnlyCollection<Shard> shards, IReadOnlyList<ShardId> owners, IReadOnlyCollection<SlotMove> moves, CancellationToken cancellation)
    {
        var sources = moves.Select(move => move.From!.Value).ToHashSet();
        var sizes = await Reach.AllAsync([.. shards.Where(shard => sources.Contains(shard.Id))], async shard =>
        {
            await using var connection = await session.Source(shard).OpenConnectionAsync(cancellation);
            return await connection.ExecuteScalarAsync<long>(new CommandDefinition("select pg_total_relation_size('sharding.item')", cancellationToken: cancellation));
        });
        return MovePlan.Of(shards, owners, moves, sizes);
    }

    /// <summary>Steps 2 to 4 for a plan that was confirmed.</summary>
    /// <param name="command">What was typed, for the history.</param>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> RunAsync(ShardRing ring, MovePlan plan, string command, CancellationToken cancellation)
    {
        if (plan.Moves.Count == 0)
            return 0;
        SourcedBatch[] batches = [.. plan.Batches()];
        // Before the journals have them: or an agent would see batches that nobody works on.
        await using var held = await OperationLock.TakeAsync(session, plan.Operation, SourcesOf(batches), cancellation);
        await using (await AdminLock.TakeAsync(session, ring.Shards, cancellation))
        {
            var now = await session.RequireRingAsync(cancellation);
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
        return await RunShownAsync(ring, batches, cancellation);
    }

    /// <summary>Everything that stands in the journals, operation by operation; nothing if some of it was stopped on purpose.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> CarryOnAsync(ShardRing ring, CancellationToken cancellation)
    {
        var unfinished = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
        MoveJournals.RequireNoneStopped(unfinished);
        var moved = 0;
        foreach (var same in unfinished.GroupBy(each => each.Batch.OperationId))
            moved += await ResumeAsync(ring, same.Key, takeOver: false, cancellation);
        return moved;
    }

    /// <summary>One operation, or all, also what was paused.</summary>
    /// <returns>How many slots were moved.</returns>
    public async Task<int> ResumeAsync(ShardRing ring, Guid? operation, bool takeOver, CancellationToken cancellation)
    {
        var moved = 0;
        foreach (var id in (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Select(each => each.Batch.OperationId).Distinct())
            if (operation is null || id == operation)
                moved += await ResumeAsync(ring, id, takeOver, cancellation);
        return moved;
    }

    private async Task<int> ResumeAsync(ShardRing ring, Guid operation, bool takeOver, CancellationToken cancellation)
    {
        var sources = SourcesOf((await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation));
        await using var held = takeOver
            ? await OperationLock.TakeOverAsync(session, operation, sources, cancellation)
            : await OperationLock.TakeAsync(session, operation, sources, cancellation);
        // With the lock in hand: an agent that waits for the wish would be faster.
        await MoveJournals.WishAsync(session, sources, operation, MoveWish.Run, cancellation);
        SourcedBatch[] batches = [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation)];
        return await RunShownAsync(ring, batches, cancellation);
    }

    private async Task<int> RunShownAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        var (display, moved) = (new MoveDisplay(batches), 0);
        await session.Output.WithLiveAsync(
            display.Render, display.Changes, async () => moved = await new MoveRunner(session, settings, display).RunAsync(ring, batches, cancellation));
        return moved;
    }

    private static Shard[] SourcesOf(IEnumerable<SourcedBatch> batches) => [.. batches.Select(each => each.Source).DistinctBy(shard => shard.Id)];

    public void Show(MovePlan plan)
    {
        if (session.Output.ShowsTable)
            Render(session.Output.Results, plan);
    }

    private static void RequireStill(ShardRing ring, MovePlan plan)
    {
        if (plan.Moves.Any(move => ring.Find(move.From.Id) is null || ring.Find(move.To.Id) is null || move.Slots.Any(slot => ring.OwnerOf(slot).Id != move.From.Id)))
            throw new CommandFailedException(ExitCode.Conflict, "The ring changed since the plan was made; no slot was moved.", "the same command again: it makes a new plan");
    }

    private static void Render(IAnsiConsole console, MovePlan plan)
    {
        var moves = Tables.New("from", "to", ">slots", ">about", "which");
        foreach (var move in plan.Moves)
            moves.Row(move.From.Id.Value, move.To.Id.Value, Tables.Count(move.Slots.Length), Tables.Bytes(move.Bytes), SlotText.Of(move.Slots, 4));
        console.Write(moves);
        var balance = Tables.New("shard", ">weight", ">slots before", ">after");
        foreach (var shard in plan.Balance)
            balance.Row(shard.Shard, $"{shard.Weight}", Tables.Count(shard.Before), Tables.Count(shard.After));
        console.Write(balance);
    }
}
