using Dapper;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Operations;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>Publishes the ring with a changed list of shards and the same owners: weights, draining, or a shard that leaves.</summary>
internal sealed class ShardListChange(AdminSession session)
{
    /// <param name="changing">The shards whose entries change.</param>
    /// <param name="asked">Selects the shards that are asked; a shard that is gone for good is not.</param>
    /// <param name="pinned">The ring must still have this epoch; null: any.</param>
    /// <returns>The present ring.</returns>
    public async Task<ShardRing> PublishAsync(
        IReadOnlyCollection<ShardId> changing, Func<Shard, bool> asked, Func<ShardRing, IEnumerable<Shard>> change, string why,
        CancellationToken cancellation, Epoch? pinned = null)
    {
        var ring = await session.RequireRingAsync(cancellation);
        await using var held = await AdminLock.TakeAsync(session, ring.Shards.Where(asked), cancellation);
        ring = await session.RequireRingAsync(cancellation);
        RingReading.RequireEpoch(ring, pinned);
        var known = await RingKnowledge.ReadAsync(session, ring, asked, cancellation);
        known.RequireNotSetBack(changing);
        known.RequireOwnersAgree();
        Shard[] shards = [.. change(ring).OrderBy(shard => shard.Id)];
        if (shards.SequenceEqual(ring.Shards))
            return ring;
        Shard[] leavers = [.. ring.Shards.Where(shard => shards.All(each => each.Id != shard.Id))];
        if (leavers.FirstOrDefault(shard => ring.SlotsOf(shard.Id).Length > 0) is { } owner)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Shard {owner.Id} owns {Tables.Counted(ring.SlotsOf(owner.Id).Length, "slot")} again; it stays in the ring.",
                "the same command again");
        await RequireNoMoveOfAsync(leavers, ring.Shards.Where(asked), cancellation);
        foreach (var leaving in leavers.Where(asked))
        {
            await KeyCopy.RunAsync(session, leaving, shards, cancellation);
            await LeaveAsync(leaving, cancellation);
        }
        var next = ShardRing.Create(ring.Cluster, known.Next, shards, ring.Owners);
        await new RingPublisher(session).PublishAsync(next, ring.Epoch, why, cancellation);
        return next;
    }

    /// <summary>
    /// Makes the shard itself confirm that it owns nothing and imports nothing; from then on it refuses imports. This matters if a restart
    /// of a shard released the admin lock, and then a plan came into a journal after the check: the plan cannot bring anything to a shard
    /// that is not in the ring. Joining again ends the refusal.
    /// </summary>
    private async Task LeaveAsync(Shard shard, CancellationToken cancellation)
    {
        var leaves = await Reach.ShardAsync(shard, async () =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition("select sharding.leave()", cancellationToken: cancellation));
        });
        if (!leaves)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Shard {shard.Id} owns slots, imports some, or has an unfinished move; it stays in the ring.",
                "shardadmin doctor; then the same command again");
    }

    /// <summary>
    /// Requires that no unfinished move has one of these shards. Plans come into the journals under the same lock, so no plan can come
    /// after this check.
    /// </summary>
    private async Task RequireNoMoveOfAsync(Shard[] leaving, IEnumerable<Shard> asked, CancellationToken cancellation)
    {
        if (leaving.Length == 0)
            return;
        var unfinished = await MoveJournals.UnfinishedAsync(session, [.. asked], cancellation);
        if (unfinished.FirstOrDefault(each =>
            leaving.Any(shard => shard.Id == each.Batch.Target || shard.Id == each.Source.Id)) is { } other)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Operation {other.Batch.OperationId} moves slots from {other.Source.Id} to {other.Batch.Target}; the shard stays in "
                + "the ring until the operation is over.",
                $"shardadmin ops resume {other.Batch.OperationId}, or: shardadmin ops cancel {other.Batch.OperationId}; then the same "
                + "command again");
    }
}
