using System.Security.Cryptography;
using Dapper;
using ShardAdmin.Changes;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>
/// Brings a database into the cluster as a shard. Its share of the slots comes by moves afterwards (<see
/// cref="Rebalancing.SlotRebalance"/>).
/// </summary>
/// <remarks>
/// Steps: 0 look, change nothing · 1 lock all shards, look again · 2 migrate the new database, end what it imports since it
/// was here before and was taken out without being asked (<see cref="OrphanedImports"/>) · 3 its collections and
/// identity · 4 shard list copies, then the ring with the shard and no slots · 5 collections once more, for those created
/// by a router that did not know the shard yet.
///
/// Every step looks at what is there and does what is missing, so the same command completes a crash anywhere:
/// after 2 or 3 a database with a schema that nobody asks · after 4 a member without slots.
///
/// The first shard of a cluster is different: there is no other shard whose fence could decide between two that
/// join at once, so Redis does. The ring is published first, by compare-and-set, and ownership is written after it.
/// </remarks>
internal sealed class ShardJoin(AdminSession session, Shard shard)
{
    /// <summary>How long to wait for routers to know the shard before its collections are compared again.</summary>
    private static readonly TimeSpan RouterLimit = TimeSpan.FromSeconds(5);

    private readonly RingPublisher _publisher = new(session);

    /// <param name="pinned">The ring must still have this epoch; null: any.</param>
    public async Task<JoinResult> RunAsync(bool rebalance, bool dryRun, CancellationToken cancellation, Epoch? pinned = null)
    {
        var ring = await session.RequireRingAsync(cancellation);
        await RequirePossibleAsync(ring, cancellation); // 0
        if (dryRun)
            return await PlanAsync(ring, rebalance, cancellation);
        await using var held = await AdminLock.TakeAsync(session, ring.Shards.Append(shard).DistinctBy(each => each.Address, StringComparer.Ordinal), cancellation); // 1
        ring = await session.RequireRingAsync(cancellation);
        PlanDocument.RequireEpoch(ring, pinned);
        await RequirePossibleAsync(ring, cancellation);

        session.LeftOff = $"Shard {shard.Id} may be half joined; every slot still has its owner. The same command completes it.";
        SchemaMigration.RequireCurrent(await SchemaMigration.ApplyAsync(session, [shard], cancellation)); // 2
        await session.Failpoint.ReachedAsync("migrated", cancellation);
        await Reach.ShardAsync(shard, async () =>
        {
            await ShardOwnershipStore.StayAsync(session.Source(shard), cancellation);
            return true;
        });
        var ended = await new OrphanedImports(session).EndAsync(shard, ring, cancellation);
        var result = ring.IsEmpty || ring.Shards is [{ } only] && only == shard
            ? await JoinAsFirstAsync(ring, cancellation)
            : await JoinOthersAsync(ring, rebalance, cancellation);
        return result with { EndedImports = ended };
    }

    /// <summary>Everything that can be known to be wrong before anything is changed.</summary>
    public async Task RequirePossibleAsync(ShardRing ring, CancellationToken cancellation)
    {
        RequireNoConflict(ring);
        (await RingKnowledge.ReadAsync(session, ring, [shard], cancellation)).RequireNotSetBack([shard.Id]);
        var all = WithShard(ring);
        var facts = await Preflight.ReadAsync(session, all, cancellation);
        Preflight.RequireUsable(all, facts);
        Preflight.RequireNotForeign(all, facts, ring.Cluster.Name, ring.Cluster.Id);
        SchemaMigration.RequireCurrent(facts.Where(fact => fact.Key != shard.Id).ToDictionary(fact => fact.Key, fact => fact.Value.Schema));
    }

    private void RequireNoConflict(ShardRing ring)
    {
        if (ring.Find(shard.Id) is { } there && (there with { State = shard.State }) != shard)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The cluster has a shard {shard.Id} already: {there.Address} with weight {there.Weight}, not {shard.Address} with weight {shard.Weight}.",
                "shardadmin ring show; then choose another id, or the same address and weight");
        if (ring.Shards.FirstOrDefault(each => each.Address == shard.Address && each.Id != shard.Id) is { } twin)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The database {shard.Address} is in the cluster already, as shard {twin.Id}.", "shardadmin ring show");
    }

    private async Task<JoinResult> JoinAsFirstAsync(ShardRing ring, CancellationToken cancellation)
    {
        var joined = ring.IsEmpty;
        var epoch = (await RingKnowledge.ReadAsync(session, ring, [shard], cancellation)).Next;
        var next = joined ? ShardRing.Create(ring.Cluster, epoch, [shard], [.. Enumerable.Repeat(shard.Id, Slot.Count)]) : ring;
        await WriteIdentityAsync(next, RandomNumberGenerator.GetBytes(ShardIdentity.CursorSecretBytes), cancellation);
        if (joined)
            await _publisher.PublishAsync(next, ring.Epoch, $"add-shard {shard.Id}", cancellation);
        // Only now, and only if no shard says anything of any slot: after a rebuild or a move there would be rows.
        if ((await ClusterOwnership.ReadAsync(session, [shard], cancellation)).HighestEpoch == 0)
            await Reach.ShardAsync(shard, async () =>
            {
                await ShardOwnershipStore.InsertFirstOwnershipAsync(session.Source(shard), Slot.All, next.Epoch, cancellation);
                return true;
            });
        return new JoinResult(joined, joined ? Slot.Count : 0, next, DryRun: false);
    }

    private async Task<JoinResult> JoinOthersAsync(ShardRing ring, bool rebalance, CancellationToken cancellation)
    {
        var joined = ring.Find(shard.Id) is null;
        if (joined)
        {
            await session.Positions.ForgetAsync(shard.Id, cancellation); // of an earlier shard of this name
            ring = await JoinWithoutSlotsAsync(ring, cancellation);
        }
        await CollectionCopy.RunAsync(session, ring.Shards, shard, cancellation); // 5
        session.LeftOff = $"Shard {shard.Id} has joined; every slot has an owner and the ring is published.";
        var map = await RequireCompleteAsync(ring, cancellation);
        return new JoinResult(joined, 0, ring, DryRun: false, Remaining: rebalance ? RingPlanner.Plan(map.Owners, ring.Shards).Moves.Length : 0);
    }

    private async Task<ShardRing> JoinWithoutSlotsAsync(ShardRing ring, CancellationToken cancellation)
    {
        var donor = await Reach.ShardAsync(ring.Shards[0], () => ShardOwnershipStore.ReadIdentityAsync(session.Source(ring.Shards[0]), cancellation))
            ?? throw new CommandFailedException(ExitCode.Precondition, $"Shard {ring.Shards[0].Id} does not know that it is a shard.", "shardadmin doctor");
        var known = await RingKnowledge.ReadAsync(session, ring, [shard], cancellation);
        var next = ShardRing.Create(ring.Cluster, known.Next, ring.Shards.Append(shard), ring.Owners);
        await CollectionCopy.RunAsync(session, ring.Shards, shard, cancellation); // 3
        var identity = await WriteIdentityAsync(next, donor.CursorSecret, cancellation);
        // It may have been about to become the first shard when another won: then it has a secret that nobody else has.
        if (!identity.CursorSecret.Span.SequenceEqual(donor.CursorSecret.Span))
            await Reach.ShardAsync(shard, async () =>
            {
                await ShardOwnershipStore.AdoptCursorSecretAsync(session.Source(shard), identity with { CursorSecret = donor.CursorSecret }, cancellation);
                return true;
            });
        await _publisher.PublishAsync(next, ring.Epoch, $"add-shard {shard.Id}", cancellation); // 4
        await WaitForRoutersAsync(next, cancellation);
        return next;
    }

    private async Task<ShardIdentity> WriteIdentityAsync(ShardRing ring, ReadOnlyMemory<byte> secret, CancellationToken cancellation)
    {
        var wanted = new ShardIdentity(ring.Cluster, shard.Id, secret, ring.Epoch, ring.Shards);
        var actual = await Reach.ShardAsync(shard, () => ShardOwnershipStore.WriteIdentityAsync(session.Source(shard), wanted, cancellation));
        if (actual.Cluster != ring.Cluster || actual.Shard != shard.Id)
            throw new CommandFailedException(
                ExitCode.Conflict, $"The database {shard.Address} was taken by the cluster {actual.Cluster} as {actual.Shard} meanwhile.", "shardadmin add-shard --help");
        await session.Failpoint.ReachedAsync("identity-written", cancellation);
        return actual;
    }

    private async Task<OwnershipMap> RequireCompleteAsync(ShardRing ring, CancellationToken cancellation)
    {
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        return map.IsComplete ? map : throw new CommandFailedException(ExitCode.Precondition, string.Join(" ", map.Problems()), "shardadmin verify");
    }

    private Shard[] WithShard(ShardRing ring) => [.. ring.Shards.Where(each => each.Id != shard.Id), shard];

    private async Task<JoinResult> PlanAsync(ShardRing ring, bool rebalance, CancellationToken cancellation)
    {
        var shards = WithShard(ring);
        var joined = ring.Find(shard.Id) is null;
        if (ring.IsEmpty || !rebalance)
            return new JoinResult(joined, ring.IsEmpty ? Slot.Count : 0, ring.Next(shards, ring.IsEmpty ? [.. Enumerable.Repeat(shard.Id, Slot.Count)] : ring.Owners), DryRun: true);
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        var plan = RingPlanner.Plan(map.IsComplete ? map.Owners : ring.Owners, shards);
        return new JoinResult(joined, plan.Moves.Length, ring.Next(shards, plan.Owners), DryRun: true);
    }

    /// <summary>Any row at all: residue would have to be looked at first, too.</summary>
    public async Task<bool> HoldsItemsAsync(IReadOnlyCollection<Shard> shards, CancellationToken cancellation)
    {
        var answers = await Reach.AllAsync(shards, async each =>
        {
            await using var connection = await session.Source(each).OpenAsync(cancellation);
            return await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select exists (select from sharding.item)", cancellationToken: cancellation));
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
                session.Output.Warn($"Some routers do not know epoch {ring.Epoch} yet (shardadmin routers); a collection they create now would be missing in {shard.Id} (shardadmin doctor tells).");
                return;
            }
            await Task.Delay(100, cancellation);
        }
    }
}
