using System.Security.Cryptography;
using Dapper;
using ShardAdmin.Collections;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Joining;

/// <summary>
/// Adds a database to the cluster as a shard. Its share of the slots comes afterwards by moves (<see
/// cref="Rebalancing.SlotRebalance"/>).
/// </summary>
/// <remarks>
/// Steps: 0 examine everything without changing anything · 1 lock all shards and see that what was examined still holds · 2 migrate the new
/// database, and end imports that it still has from an earlier membership, if it was removed without being asked
/// (<see cref="OrphanedImports"/>) · 3 copy the collections and API keys to it and write its identity · 4 publish: first the shards' copies of the list,
/// then the ring with the new shard, which owns no slots yet · 5 copy the collections and keys once more, because a process that did not
/// know the shard yet may have created one.
///
/// Every step looks at the present state and does only the missing part. Therefore the same command completes the rest after a crash
/// anywhere. A crash after 2 or 3 leaves a database with a schema that nobody asks; a crash after 4 leaves a member without slots.
///
/// Everything is examined once, before anybody is asked anything. Under the lock it is examined again only if the ring is another one.
/// With the same ring, its shards and owners are as they were. Two things can have changed all the same, and are read under the
/// lock: another command may have taken the new database, so its identity and schema are read again, and its identity is written by
/// compare-and-set; and another command may have stopped between the shard lists and the ring, so all shard lists are read again, which
/// the next epoch needs anyway. Of the other shards nothing else is read twice. Their schemas only grow, and a server that does not
/// answer any more fails the step that calls it.
///
/// The first shard of a cluster is different. There is no other shard that could decide between two databases that join at the same time,
/// so Redis decides: the ring is published first, by compare-and-set, and the ownership is written after it.
/// </remarks>
internal sealed class ShardJoin(AdminSession session, Shard shard)
{
    /// <summary>How long step 5 waits for routers to know the shard.</summary>
    private static readonly TimeSpan RouterLimit = TimeSpan.FromSeconds(5);

    private readonly RingPublisher _publisher = new(session);

    /// <summary>The ring for which it was found possible; null: nobody has looked yet.</summary>
    private ShardRing? _possible;

    /// <param name="pinned">The ring must still have this epoch; null: any.</param>
    public async Task<JoinResult> RunAsync(Epoch? pinned, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        await RequirePossibleAsync(ring, cancellation); // 0
        await using var held = await AdminLock.TakeAsync( // 1
            session, ring.Shards.Append(shard).DistinctBy(each => each.Address, StringComparer.Ordinal), cancellation);
        ring = await session.RequireRingAsync(cancellation);
        RingReading.RequireEpoch(ring, pinned);
        if (WasSeen(ring))
            await LookAsync(ring, [shard], cancellation);
        else
            await RequirePossibleAsync(ring, cancellation);
        var known = await RingKnowledge.ReadAsync(session, ring, [shard], cancellation);
        known.RequireNotSetBack([shard.Id]);

        session.LeftOff = $"Shard {shard.Id} may have joined halfway; every slot still has its owner. The same command completes it.";
        SchemaMigration.RequireCurrent(await SchemaMigration.ApplyAsync(session, [shard], cancellation)); // 2
        await session.Failpoint.ReachedAsync("migrated", cancellation);
        await Reach.ShardAsync(shard, async () =>
        {
            await ShardOwnershipStore.StayAsync(session.Source(shard), cancellation);
            return true;
        });
        var ended = await new OrphanedImports(session).EndAsync(shard, ring, cancellation);
        var result = ring.IsEmpty || ring.Shards is [{ } only] && only == shard
            ? await JoinAsFirstAsync(ring, known.Next, cancellation)
            : await JoinOthersAsync(ring, known.Next, cancellation);
        return result with { EndedImports = ended };
    }

    /// <summary>Step 0: everything that can be known to be wrong before anything is changed. Looks once for each ring.</summary>
    public async Task RequirePossibleAsync(ShardRing ring, CancellationToken cancellation)
    {
        if (WasSeen(ring))
            return;
        RequireNoConflict(ring);
        (await RingKnowledge.ReadAsync(session, ring, [shard], cancellation)).RequireNotSetBack([shard.Id]);
        var facts = await LookAsync(ring, WithShard(ring), cancellation);
        SchemaMigration.RequireCurrent(facts.Where(fact => fact.Key != shard.Id).ToDictionary(fact => fact.Key, fact => fact.Value.Schema));
        _possible = ring;
    }

    private bool WasSeen(ShardRing ring) => _possible is { } seen
        && seen.Cluster == ring.Cluster && seen.Epoch == ring.Epoch
        && seen.Shards.SequenceEqual(ring.Shards) && seen.Owners.SequenceEqual(ring.Owners);

    /// <summary>The databases can be used, and belong to nobody else.</summary>
    private async Task<IReadOnlyDictionary<ShardId, ShardFacts>> LookAsync(ShardRing ring, Shard[] at, CancellationToken cancellation)
    {
        var facts = await Preflight.ReadAsync(session, at, cancellation);
        Preflight.RequireUsable(at, facts);
        Preflight.RequireNotForeign(at, facts, ring.Cluster.Name, ring.Cluster.Id);
        return facts;
    }

    private void RequireNoConflict(ShardRing ring)
    {
        if (ring.Find(shard.Id) is { } there && (there with { State = shard.State }) != shard)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"The cluster has a shard {shard.Id} already: {there.Address} with weight {there.Weight}, not {shard.Address} with weight "
                + $"{shard.Weight}.",
                "shardadmin ring show; then choose another id, or the same address and weight");
        if (ring.Shards.FirstOrDefault(each => each.Address == shard.Address && each.Id != shard.Id) is { } twin)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The database {shard.Address} is in the cluster already, as shard {twin.Id}.", "shardadmin ring show");
    }

    /// <param name="epoch">Above everything known.</param>
    private async Task<JoinResult> JoinAsFirstAsync(ShardRing ring, Epoch epoch, CancellationToken cancellation)
    {
        var joined = ring.IsEmpty;
        var next = joined ? ShardRing.Create(ring.Cluster, epoch, [shard], [.. Enumerable.Repeat(shard.Id, Slot.Count)]) : ring;
        await WriteIdentityAsync(next, RandomNumberGenerator.GetBytes(ShardIdentity.CursorSecretBytes), cancellation);
        if (joined)
            await _publisher.PublishAsync(next, ring.Epoch, $"add-shard {shard.Id}", cancellation);
        // Only after the publication, and only if the shard has no entry for any slot: after a rebuild or a move it has entries.
        if ((await ClusterOwnership.ReadAsync(session, [shard], cancellation)).HighestEpoch == 0)
            await Reach.ShardAsync(shard, async () =>
            {
                await ShardOwnershipStore.InsertFirstOwnershipAsync(session.Source(shard), Slot.All, next.Epoch, cancellation);
                return true;
            });
        return new JoinResult(joined, joined ? Slot.Count : 0, next, DryRun: false);
    }

    /// <param name="epoch">Above everything known.</param>
    private async Task<JoinResult> JoinOthersAsync(ShardRing ring, Epoch epoch, CancellationToken cancellation)
    {
        var joined = ring.Find(shard.Id) is null;
        if (joined)
        {
            await session.Positions.ForgetAsync(shard.Id, cancellation); // of an earlier shard of this name
            ring = await JoinWithoutSlotsAsync(ring, epoch, cancellation);
        }
        await CollectionCopy.RunAsync(session, ring.Shards, shard, cancellation); // 5
        await KeyCopy.RunAsync(session, ring.Shards, shard, cancellation);
        session.LeftOff = $"Shard {shard.Id} has joined; every slot has an owner and the ring is published.";
        await RequireCompleteAsync(ring, cancellation);
        return new JoinResult(joined, 0, ring, DryRun: false);
    }

    private async Task<ShardRing> JoinWithoutSlotsAsync(ShardRing ring, Epoch epoch, CancellationToken cancellation)
    {
        var donor = await Reach.ShardAsync(ring.Shards[0], () => ShardOwnershipStore.ReadIdentityAsync(session.Source(ring.Shards[0]), cancellation))
            ?? throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {ring.Shards[0].Id} does not know that it is a shard.", "shardadmin doctor");
        var next = ShardRing.Create(ring.Cluster, epoch, ring.Shards.Append(shard), ring.Owners);
        await CollectionCopy.RunAsync(session, ring.Shards, shard, cancellation); // 3
        await KeyCopy.RunAsync(session, ring.Shards, shard, cancellation);
        var identity = await WriteIdentityAsync(next, donor.CursorSecret, cancellation);
        // This database may have begun to join as the first shard when another one won: then it has its own secret, which no other has.
        if (!identity.CursorSecret.Span.SequenceEqual(donor.CursorSecret.Span))
            await Reach.ShardAsync(shard, async () =>
            {
                await ShardOwnershipStore.AdoptCursorSecretAsync(
                    session.Source(shard), identity with { CursorSecret = donor.CursorSecret }, cancellation);
                return true;
            });
        await _publisher.PublishAsync(next, ring.Epoch, $"add-shard {shard.Id}", cancellation); // 4
        await WaitForRoutersAsync(next, cancellation);
        return next;
    }

    private async Task<ShardIdentity> WriteIdentityAsync(ShardRing ring, ReadOnlyMemory<byte> secret, CancellationToken cancellation)
    {
        var wanted = new ShardIdentity(ring.Cluster, shard.Id, secret, ring.Epoch, ring.Shards);
        var actual = await Reach.ShardAsync(
            shard, () => ShardOwnershipStore.WriteIdentityAsync(session.Source(shard), wanted, cancellation));
        if (actual.Cluster != ring.Cluster || actual.Shard != shard.Id)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"The database {shard.Address} was taken by the cluster {actual.Cluster} as {actual.Shard} meanwhile.",
                "shardadmin add-shard --help");
        await session.Failpoint.ReachedAsync("identity-written", cancellation);
        return actual;
    }

    private async Task RequireCompleteAsync(ShardRing ring, CancellationToken cancellation)
    {
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        if (!map.IsComplete)
            throw new CommandFailedException(ExitCode.Precondition, string.Join(" ", map.Problems()), "shardadmin verify");
    }

    private Shard[] WithShard(ShardRing ring) => [.. ring.Shards.Where(each => each.Id != shard.Id), shard];

    /// <summary>Any row at all: residue would have to be looked at first, too.</summary>
    public async Task<bool> HoldsItemsAsync(IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(shards, async each =>
        {
            await using var connection = await session.Source(each).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<bool>(
                new CommandDefinition("select exists (select from sharding.item)", cancellationToken: cancellation));
        });
        return answers.Values.Any(holds => holds);
    }

    private async Task WaitForRoutersAsync(ShardRing ring, CancellationToken cancellation)
    {
        var limit = TimeProvider.System.GetUtcNow() + RouterLimit;
        while ((await session.Routers.ListAsync(cancellation)).Any(router => router.Epoch < ring.Epoch.Value))
        {
            if (TimeProvider.System.GetUtcNow() > limit)
            {
                session.Output.Warn(
                    $"Some routers do not know epoch {ring.Epoch} yet (shardadmin routers); a collection that they create now would be "
                    + $"missing in {shard.Id} (shardadmin doctor shows it).");
                return;
            }
            await Task.Delay(100, cancellation);
        }
    }
}

/// <param name="Joined">The shard was not in the ring before.</param>
/// <param name="MovedSlots">Slots that changed their owner.</param>
/// <param name="Ring">The ring now; for a dry run the one that would be.</param>
/// <param name="Remaining">Slots that it is to get, or got, by moves.</param>
/// <param name="EndedImports">Batches that it was still importing for moves that are over.</param>
internal sealed record JoinResult(bool Joined, int MovedSlots, ShardRing Ring, bool DryRun, int Remaining = 0, int EndedImports = 0)
{
    public bool ChangedAnything => Joined || MovedSlots > 0 || EndedImports > 0;
}
