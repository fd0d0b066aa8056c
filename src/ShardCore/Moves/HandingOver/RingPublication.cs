using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardCore.Moves.HandingOver;

/// <summary>Changes the ring in Redis for a move: a batch's slots get their new owner.</summary>
/// <param name="who">Who publishes, for the history.</param>
/// <param name="basis">
/// Makes the basis of the next ring from the ring in Redis, after it has asked the shards and routers. That is needed because Redis may
/// have been set back during the move: then its epoch is too low, so that routers would ignore the next ring, and its owners are old. It
/// may refuse with <see cref="MoveFailedException"/>.
/// </param>
public sealed class RingPublication(RedisRingStore store, string who, Func<ShardRing, CancellationToken, Task<RingBasis>> basis)
{
    private const int MaxConflicts = 100;

    /// <summary>
    /// The last ring that was published here. While Redis has it, nobody has changed the ring or set it back, so the shards need not be
    /// asked.
    /// </summary>
    private volatile ShardRing? _published;

    /// <summary>Returns the epoch that the next ring will have, unless another publisher comes first.</summary>
    /// <exception cref="MoveFailedException">There is no ring to change.</exception>
    /// <exception cref="RedisUnavailableException" />
    public async Task<Epoch> NextEpochAsync(CancellationToken cancellation) =>
        (await BasisAsync(await ReadAsync(cancellation), cancellation)).Next;

    /// <summary>The same, for slots that are about to be moved.</summary>
    /// <exception cref="MoveFailedException">
    /// Another shard has the better claim to one of the slots, because the source went back to a state before it gave the slot away.
    /// </exception>
    public async Task<Epoch> NextEpochAsync(MoveBatch batch, ShardId source, CancellationToken cancellation)
    {
        var known = await BasisAsync(await ReadAsync(cancellation), cancellation);
        foreach (var slot in batch.Slots)
            if (known.Owners[slot.Value] is var owner && owner != source)
                throw new MoveFailedException(
                    $"Batch {batch.Id}: {source} must not move slot {slot}, because {owner} owns it, by what ring and shards say. "
                    + $"{source} may have failed over or been restored since it gave the slot away: 'shardadmin doctor' tells, "
                    + "'shardadmin ops cancel' takes the batch out of the journal.");
        return known.Next;
    }

    /// <summary>
    /// Publishes the target as the owner of the batch's slots. It is safe to repeat: a ring that says so already stays as it is.
    /// </summary>
    /// <param name="hasGivenAway">
    /// Whether the slots are still where this batch has brought them. This is asked after the ring was read. A mover may have slept since
    /// before another mover finished the batch and a later batch brought the slots back; it must not publish the batch again. If the
    /// ring changes after the question, the compare-and-set fails.
    /// </param>
    /// <exception cref="MoveFailedException" />
    /// <exception cref="RedisUnavailableException" />
    /// <returns>False: the slots are not there any more, and nothing was published.</returns>
    public Task<bool> PublishAsync(
        MoveBatch batch, ShardId source, Func<CancellationToken, Task<bool>> hasGivenAway, CancellationToken cancellation) =>
        PublishAsync(
            batch, source, batch.Target, hasGivenAway,
            FormattableString.Invariant($"move {batch.Slots.Length} slots {source} → {batch.Target} ({batch.Id})"),
            cancellation);

    /// <summary>
    /// Publishes the source as the owner of the batch's slots again, after it has taken them back. This always makes a new ring. Otherwise
    /// a mover that had read the present ring and slept since would still publish the target.
    /// </summary>
    public Task PublishBackAsync(MoveBatch batch, ShardId source, CancellationToken cancellation) =>
        PublishAsync(
            batch, batch.Target, source, isStill: null,
            FormattableString.Invariant($"{batch.Slots.Length} slots stay at {source} ({batch.Id})"),
            cancellation);

    private async Task<bool> PublishAsync(
        MoveBatch batch, ShardId from, ShardId to, Func<CancellationToken, Task<bool>>? isStill, string why,
        CancellationToken cancellation)
    {
        for (var conflict = 0; conflict < MaxConflicts; conflict++)
        {
            var ring = await ReadAsync(cancellation);
            var known = await BasisAsync(ring, cancellation);
            var owners = known.Owners.ToArray();
            foreach (var slot in batch.Slots)
                if (owners[slot.Value] == from) // a later move brought any other owner, which stays
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
        throw new MoveFailedException(
            $"The ring changed {MaxConflicts} times while batch {batch.Id} was to be published. "
                + "The shards know the owner of its slots; 'shardadmin ops resume' publishes it.");
    }

    private async Task<RingBasis> BasisAsync(ShardRing ring, CancellationToken cancellation) =>
        _published is { } ours && ours.Epoch == ring.Epoch && ours.Owners.SequenceEqual(ring.Owners)
            && ours.Shards.SequenceEqual(ring.Shards)
            ? await RingBasis.OfRing(ring, cancellation)
            : await basis(ring, cancellation);

    private async Task<ShardRing> ReadAsync(CancellationToken cancellation) =>
        await store.ReadAsync(cancellation) ?? throw new MoveFailedException(
            "There is no ring in Redis. 'shardadmin ring rebuild' makes it again from the shards.");
}

/// <summary>The values from which the next ring is made.</summary>
/// <param name="Next">The epoch of the next ring. It is above every epoch that any shard or router knows.</param>
/// <param name="Owners">The owner of every slot, as far as it is known. A move then sets the owner of its own slots.</param>
public sealed record RingBasis(Epoch Next, IReadOnlyList<ShardId> Owners)
{
    /// <summary>Takes the ring in Redis and nothing else. That is right if Redis was never set back.</summary>
    public static Task<RingBasis> OfRing(ShardRing ring, CancellationToken cancellation) =>
        Task.FromResult(new RingBasis(ring.Epoch.Next(), ring.Owners));
}
