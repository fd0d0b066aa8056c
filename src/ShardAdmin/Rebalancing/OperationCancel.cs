using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Operations;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Cancels the batches of an operation that were not released.</summary>
/// <remarks>
/// First the wish is written into the journals: a running mover stops by itself, and if this process dies, an agent completes the
/// cancelling. A mover that hangs is not waited for: cancelling begins a new attempt, which ends the mover's attempt. An agent may cancel
/// at the same time and end this process's attempt in the same way. Therefore this class looks again, until one of the two has succeeded.
/// </remarks>
internal sealed class OperationCancel(AdminSession session)
{
    private static readonly TimeSpan MoverLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TargetLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TryPause = TimeSpan.FromMilliseconds(500);
    private const int MaxTries = 10;

    /// <returns>How many batches of the operation are cancelled now.</returns>
    public async Task<int> RunAsync(ShardRing ring, Guid operation, CancellationToken cancellation)
    {
        await MoveJournals.WishAsync(session, ring.Shards, operation, MoveWish.Cancel, cancellation);
        var sources = (await UnfinishedAsync(ring, operation, cancellation))
            .Select(each => each.Source).DistinctBy(shard => shard.Id).ToArray();
        await using var held = await OperationLock.TryTakeAsync(session, operation, sources, MoverLimit, cancellation);
        await CancelAsync(ring, await UnfinishedAsync(ring, operation, cancellation), cancellation);
        for (var tries = 1;
            tries < MaxTries && await UnfinishedAsync(ring, operation, cancellation) is var left
                && left.Any(each => !each.Batch.IsReleased());
            tries++)
        {
            await Task.Delay(TryPause, cancellation);
            await CancelAsync(ring, left, cancellation);
        }
        var line = await OperationSurvey.FindAsync(session, ring.Shards, operation, cancellation);
        return line?.BatchList.Count(batch => batch.Phase == "cancelled") ?? 0;
    }

    /// <summary>Cancels those of the batches that were not released.</summary>
    public async Task CancelAsync(ShardRing ring, IEnumerable<SourcedBatch> batches, CancellationToken cancellation)
    {
        foreach (var each in batches.Where(each => !each.Batch.IsReleased()))
        {
            // A target that is not in the ring cannot be asked. It cannot come to own the slots either: it left the ring only after it
            // had said that it owns nothing and imports nothing.
            var target = ring.Find(each.Batch.Target);
            await Movers.MoverOf(session, each.Source, target ?? each.Source with { Id = each.Batch.Target }, new MoveOptions())
                .CancelAsync(each.Batch.Id, isTargetGone: target is null, cancellation);
        }
    }

    /// <summary>
    /// Cancels all operations that move slots to a shard that is gone for good. Their batches to this shard are cancelled at the sources
    /// alone.
    /// </summary>
    /// <param name="others">All shards but the one that is gone.</param>
    /// <returns>How many batches on their way to the shard are cancelled now.</returns>
    public async Task<int> WithoutTargetAsync(
        ShardRing ring, Shard gone, IReadOnlyCollection<Shard> others, IEnumerable<Guid> operations, CancellationToken cancellation)
    {
        var cancelled = 0;
        foreach (var operation in operations)
        {
            await MoveJournals.WishAsync(session, others, operation, MoveWish.Cancel, cancellation);
            var batches = (await MoveJournals.UnfinishedAsync(session, others, cancellation))
                .Where(each => each.Batch.OperationId == operation).ToLookup(each => each.Batch.Target == gone.Id);
            Shard[] sources = [.. batches.SelectMany(each => each).Select(each => each.Source).DistinctBy(shard => shard.Id)];
            await using var held = await OperationLock.TryTakeAsync(session, operation, sources, MoverLimit, cancellation);
            foreach (var each in batches[true])
                if (await WithoutTargetAsync(each, gone, cancellation))
                    cancelled++;
            await CancelAsync(ring, batches[false], cancellation);
        }
        return cancelled;
    }

    /// <summary>Cancels one batch. If the target answers after all, it is told that the import is over.</summary>
    private async Task<bool> WithoutTargetAsync(SourcedBatch each, Shard gone, CancellationToken cancellation)
    {
        var mover = Movers.MoverOf(session, each.Source, gone, new MoveOptions());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TargetLimit);
        try
        {
            return await mover.CancelAsync(each.Batch.Id, isTargetGone: false, limit.Token);
        }
        catch (Exception e) when (
            e is NpgsqlException or OperationCanceledException or TimeoutException or SessionLostException
            && !cancellation.IsCancellationRequested)
        {
            return await mover.CancelAsync(each.Batch.Id, isTargetGone: true, cancellation);
        }
    }

    private async Task<SourcedBatch[]> UnfinishedAsync(ShardRing ring, Guid operation, CancellationToken cancellation) =>
        [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation)];
}
