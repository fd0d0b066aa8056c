using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Takes back the batches of an operation that were not released.</summary>
/// <remarks>
/// The wish stands in the journals first, so that a mover lets go by itself, and an agent goes on with the cancelling
/// should this process end. One that hangs is not waited for: cancelling begins an attempt of its own, which ends that one's.
/// An agent may be at it already, and end ours in the same way: then it is looked again, until one of both came through.
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
        var sources = (await UnfinishedAsync(ring, operation, cancellation)).Select(each => each.Source).DistinctBy(shard => shard.Id).ToArray();
        await using var held = await OperationLock.TryTakeAsync(session, operation, sources, MoverLimit, cancellation);
        await CancelAsync(ring, await UnfinishedAsync(ring, operation, cancellation), cancellation);
        for (var tries = 1; tries < MaxTries && await UnfinishedAsync(ring, operation, cancellation) is var left && left.Any(each => !each.Batch.IsReleased()); tries++)
        {
            await Task.Delay(TryPause, cancellation);
            await CancelAsync(ring, left, cancellation);
        }
        return (await OperationSurvey.FindAsync(session, ring.Shards, operation, cancellation))?.BatchList.Count(line => line.Phase == "cancelled") ?? 0;
    }

    /// <summary>Those of the batches that were not released.</summary>
    public async Task CancelAsync(ShardRing ring, IEnumerable<SourcedBatch> batches, CancellationToken cancellation)
    {
        foreach (var each in batches.Where(each => !each.Batch.IsReleased()))
        {
            // A target that is not in the ring cannot be asked, nor come to own: it was taken out after it had said that it owns nothing and takes nothing in.
            var target = ring.Find(each.Batch.Target);
            await MoveRunner.MoverOf(session, each.Source, target ?? each.Source with { Id = each.Batch.Target }, new MoveOptions()).CancelAsync(each.Batch.Id, isTargetGone: target is null, cancellation);
        }
    }

    /// <summary>The same for all operations that bring something to a shard that is gone for good. What goes to it is taken back at the sources alone.</summary>
    /// <param name="others">All shards but that one.</param>
    /// <returns>How many batches on their way to it are cancelled now.</returns>
    public async Task<int> WithoutTargetAsync(ShardRing ring, Shard gone, IReadOnlyCollection<Shard> others, IEnumerable<Guid> operations, CancellationToken cancellation)
    {
        var cancelled = 0;
        foreach (var operation in operations)
        {
            await MoveJournals.WishAsync(session, others, operation, MoveWish.Cancel, cancellation);
            var batches = (await MoveJournals.UnfinishedAsync(session, others, cancellation)).Where(each => each.Batch.OperationId == operation).ToLookup(each => each.Batch.Target == gone.Id);
            await using var held = await OperationLock.TryTakeAsync(session, operation, [.. batches.SelectMany(each => each).Select(each => each.Source).DistinctBy(shard => shard.Id)], MoverLimit, cancellation);
            foreach (var each in batches[true])
                if (await WithoutTargetAsync(each, gone, cancellation))
                    cancelled++;
            await CancelAsync(ring, batches[false], cancellation);
        }
        return cancelled;
    }

    /// <summary>Should it answer after all, it is told.</summary>
    private async Task<bool> WithoutTargetAsync(SourcedBatch each, Shard gone, CancellationToken cancellation)
    {
        var mover = MoveRunner.MoverOf(session, each.Source, gone, new MoveOptions());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(TargetLimit);
        try
        {
            return await mover.CancelAsync(each.Batch.Id, isTargetGone: false, limit.Token);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException or SessionLostException && !cancellation.IsCancellationRequested)
        {
            return await mover.CancelAsync(each.Batch.Id, isTargetGone: true, cancellation);
        }
    }

    private async Task<SourcedBatch[]> UnfinishedAsync(ShardRing ring, Guid operation, CancellationToken cancellation) =>
        [.. (await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation)).Where(each => each.Batch.OperationId == operation)];
}
