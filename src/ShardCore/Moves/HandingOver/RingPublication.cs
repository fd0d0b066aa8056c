using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardCore.Moves.HandingOver;

/// <summary>The ring in Redis, as a move changes it: a batch's slots get their new owner.</summary>
/// <param name="who">For the history.</param>
/// <param name="basis">
/// What the ring in Redis comes to once the shards and routers are asked: if Redis was set back during the move, its epoch
/// is too low for routers to heed, and its owners are those of before. It may refuse by <see cref="MoveFailedException"/>.
/// </param>
public sealed class RingPublication(RedisRingStore store, string who, Func<ShardRing, CancellationToken, Task<RingBasis>> basis)
{
    private const int MaxConflicts = 100;

    /// <summary>The last ring published here. While it stands in Redis nobody has changed it nor set it back, so it needs no look at all the shards.</summary>
    private volatile ShardRing? _published;

    /// <summary>The epoch that the next ring will have, unless another publisher comes first.</summary>
    /// <exception cref="MoveFailedException">There is no ring to change.</exception>
    /// <exception cref="RedisUnavailableException" />
    public async Task<Epoch> NextEpochAsync(CancellationToken cancellation) => (await BasisAsync(await ReadAsync(cancellation), cancellation)).Next;

    /// <summary>The same, for slots that are about to be moved.</summary>
    /// <exception cref="MoveFailedException">Another shard has the better claim to one of them: the source went back to before it gave it away.</exception>
    public async Task<Epoch> NextEpochAsync(MoveBatch batch, ShardId source, CancellationToken cancellation)
    {
        var known = await BasisAsync(await ReadAsync(cancellation), cancellation);
        foreach (var slot in batch.Slots)
            if (known.Owners[slot.Value] is var owner && owner != source)
                throw new MoveFailedException(
                    $"Batch {batch.Id}: slot {slot} is not to be moved by {source}, because {owner} owns it by the word of ring and shards. {source} may have failed over "
                    + "or been restored since it gave the slot away: 'shardadmin doctor' tells, 'shardadmin ops cancel' takes the batch out of the journal.");
        return known.Next;
    }

    /// <summary>Publishes the batch's slots as the target's. Safe to repeat: a ring that says so already stays.</summary>
    /// <param name="hasGivenAway">
    /// Whether the slots are still where this batch has brought them. Asked after the ring was read: whoever slept since
    /// before another mover finished the batch, and a later one brought the slots back, must not publish it again. A change
    /// of the ring after the question makes the compare-and-set fail.
    /// </param>
    /// <exception cref="MoveFailedException" />
    /// <exception cref="RedisUnavailableException" />
    /// <returns>False: they are not any more, and nothing was published.</returns>
    public Task<bool> PublishAsync(MoveBatch batch, ShardId source, Func<CancellationToken, Task<bool>> hasGivenAway, CancellationToken cancellation) =>
        PublishAsync(batch, source, batch.Target, hasGivenAway, FormattableString.Invariant($"move {batch.Slots.Length} slots {source} → {batch.Target} ({batch.Id})"), cancellation);

    /// <summary>
    /// Publishes the batch's slots as the source's again, which has taken them back. Always a new ring: a mover that has read the one
    /// that stands there and slept since
    /// would otherwise still publish the target.
    /// </summary>
    public Task PublishBackAsync(MoveBatch batch, ShardId source, CancellationToken cancellation) =>
        PublishAsync(batch, batch.Target, source, isStill: null, FormattableString.Invariant($"{batch.Slots.Length} slots stay at {source} ({batch.Id})"), cancellation);

    private async Task<bool> PublishAsync(MoveBatch batch, ShardId from, ShardId to, Func<CancellationToken, Task<bool>>? isStill, string why, CancellationToken cancellation)
    {
        for (var conflict = 0; conflict < MaxConflicts; conflict++)
        {
            var ring = await ReadAsync(cancellation);
            var known = await BasisAsync(ring, cancellation);
            var owners = known.Owners.ToArray();
            foreach (var slot in batch.Slots)
                if (owners[slot.Value] == from) // any other owner came by a later move: leave it
                    owners[slot.Value] = to;
            if (isStill is not null && ring.Owners.SequenceEqual(owners))
                return true;
            if (isStill is not null && !await isStill(cancellation))
                return false;
            var next = ShardRing.Create(ring.Cluster, known.Next, ring.Shards, owners);
            if (await store.PublishAsync(next, ring.Epoch, who, why, cancellation) == RingPublishResult.Published)
            {
                _published = next;
                return true;
            }
        }
        throw new MoveFailedException($"The ring changed {MaxConflicts} times while batch {batch.Id} was to be published. The shards know its owner; 'shardadmin ops resume' publishes it.");
    }

    private async Task<RingBasis> BasisAsync(ShardRing ring, CancellationToken cancellation) =>
        _published is { } ours && ours.Epoch == ring.Epoch && ours.Owners.SequenceEqual(ring.Owners) && ours.Shards.SequenceEqual(ring.Shards)
            ? await RingBasis.OfRing(ring, cancellation)
            : await basis(ring, cancellation);

    private async Task<ShardRing> ReadAsync(CancellationToken cancellation) =>
        await store.ReadAsync(cancellation) ?? throw new MoveFailedException("There is no ring in Redis. 'shardadmin ring rebuild' makes it again from the shards.");
}
