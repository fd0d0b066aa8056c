using Dapper;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Publishes the ring with another shard list and the same owners: weights, draining, a shard that goes.</summary>
internal sealed class ShardListChange(AdminSession session)
{
    /// <param name="changing">Whose entries change.</param>
    /// <param name="asked">The shards whose word counts: not one that is gone for good.</param>
    /// <param name="pinned">The ring must still have this epoch; null: any.</param>
    /// <returns>The ring now.</returns>
    public async Task<ShardRing> PublishAsync(
        IReadOnlyCollection<ShardId> changing, Func<Shard, bool> asked, Func<ShardRing, IEnumerable<Shard>> change, string why, CancellationToken cancellation, Epoch? pinned = null)
    {
        var ring = await session.RequireRingAsync(cancellation);
        await using var held = await AdminLock.TakeAsync(session, ring.Shards.Where(asked), cancellation);
        ring = await session.RequireRingAsync(cancellation);
        PlanDocument.RequireEpoch(ring, pinned);
        var known = await RingKnowledge.ReadAsync(session, ring, asked, cancellation);
        known.RequireNotSetBack(changing);
        known.RequireOwnersAgree();
        Shard[] shards = [.. change(ring).OrderBy(shard => shard.Id)];
        if (shards.SequenceEqual(ring.Shards))
            return ring;
        if (ring.Shards.FirstOrDefault(shard => shards.All(each => each.Id != shard.Id) && ring.SlotsOf(shard.Id).Length > 0) is { } owner)
            throw new CommandFailedException(ExitCode.Conflict, $"Shard {owner.Id} owns {ring.SlotsOf(owner.Id).Length} slots again; it stays in the ring.", "the same command again");
        await RequireNoMoveOfAsync([.. ring.Shards.Where(shard => shards.All(each => each.Id != shard.Id))], ring.Shards.Where(asked), cancellation);
        foreach (var leaving in ring.Shards.Where(shard => asked(shard) && shards.All(each => each.Id != shard.Id)))
            await LeaveAsync(leaving, cancellation);
        var next = ShardRing.Create(ring.Cluster, known.Next, shards, ring.Owners);
        await new RingPublisher(session).PublishAsync(next, ring.Epoch, why, cancellation);
        return next;
    }

    /// <summary>
    /// The shard itself says that it owns nothing and takes nothing in, and from then on refuses to. So a plan that came into a journal
    /// behind our look, because a restart of
    /// a shard had given our lock up, brings nothing to a shard that is not in the ring. Joining again ends it.
    /// </summary>
    private async Task LeaveAsync(Shard shard, CancellationToken cancellation)
    {
        var leaves = await Reach.ShardAsync(shard, async () =>
        {
            await using var connection = await session.Source(shard).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select sharding.leave()", cancellationToken: cancellation));
        });
        if (!leaves)
            throw new CommandFailedException(ExitCode.Conflict, $"Shard {shard.Id} owns slots, takes some in, or has an unfinished move; it stays in the ring.", "shardadmin doctor; then the same command again");
    }

    /// <summary>Plans come into the journals under the same lock, so none can come behind this look.</summary>
    private async Task RequireNoMoveOfAsync(IReadOnlyCollection<Shard> leaving, IEnumerable<Shard> asked, CancellationToken cancellation)
    {
        if (leaving.Count == 0)
            return;
        var unfinished = await MoveJournals.UnfinishedAsync(session, [.. asked], cancellation);
        if (unfinished.FirstOrDefault(each => leaving.Any(shard => shard.Id == each.Batch.Target || shard.Id == each.Source.Id)) is { } other)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Operation {other.Batch.OperationId} moves slots from {other.Source.Id} to {other.Batch.Target}; the shard stays in the ring until that is over.",
                $"shardadmin ops resume {other.Batch.OperationId}, or: shardadmin ops cancel {other.Batch.OperationId}; then the same command again");
    }
}
