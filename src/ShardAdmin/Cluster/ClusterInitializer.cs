using System.Security.Cryptography;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>Makes a cluster out of empty databases.</summary>
/// <remarks>
/// Steps: 0 examine Redis and every database without changing anything · 1 take the admin lock and examine again · 2 migrate all shards ·
/// 3 write the identity row of the first shard (lowest id), then those of the others · 4 write the ownership of each shard · 5 publish the
/// ring.
///
/// Why in this order: the ring comes last, so a ring in Redis always means a cluster that serves. The identity row of the first shard
/// decides the cluster's id and cursor secret, and the others copy them. Therefore a second init, at the same time or after a crash,
/// completes the same cluster and never starts another one beside it. The plan is a pure function of the arguments: what an interrupted run
/// has written is a part of what the second run writes.
///
/// A crash leaves: after 2 a schema without a cluster, which counts as empty · after 3 or 4 shards that know their cluster and its list of
/// shards; the same command completes it · after 5 nothing to do. While no ring is published no router serves, so a half-made cluster
/// contains no data.
///
/// Redis and the databases may contradict each other, because one of them was lost, restored or made anew. Then nothing is changed: see
/// <see cref="RememberedShards"/> for a ring without its databases, and <see cref="RequireNothingLost"/> for databases without a ring.
/// </remarks>
internal sealed class ClusterInitializer(AdminSession session)
{
    private string ClusterName => session.Settings.Cluster;

    public async Task<InitResult> RunAsync(IReadOnlyList<Shard> shards, bool dryRun, CancellationToken cancellation)
    {
        if (await FindInitialisedAsync(shards, cancellation) is { } already)
            return already;
        var facts = await Preflight.ReadAsync(session, shards, cancellation); // 0
        Preflight.RequireUsable(shards, facts);
        var ring = PlanFor(shards, facts);
        if (dryRun)
            return new InitResult(
                InitOutcome.WouldInitialise, ring, facts.ToDictionary(pair => pair.Key, pair => pair.Value.Schema.VersionAfter), []);

        await using var held = await AdminLock.TakeAsync(session, shards, cancellation); // 1
        if (await FindInitialisedAsync(shards, cancellation) is { } meanwhile)
            return meanwhile;
        facts = await Preflight.ReadAsync(session, shards, cancellation);
        ring = PlanFor(shards, facts);

        session.LeftOff = "No ring was published, so no router serves yet. The same command completes what was begun.";
        var migrated = await SchemaMigration.ApplyAsync(session, shards, cancellation); // 2
        SchemaMigration.RequireCurrent(migrated);
        await session.Failpoint.ReachedAsync("migrated", cancellation);
        var isNew = facts.Values.All(fact => fact.Identity is null);
        ring = await WriteIdentitiesAsync(ring, cancellation); // 3
        foreach (var shard in ring.Shards) // 4
        {
            await Reach.ShardAsync(shard, () => WriteOwnershipAsync(ring, shard, cancellation));
            await session.Failpoint.ReachedAsync($"ownership-written:{shard.Id}", cancellation);
        }
        await new RingPublisher(session).PublishToRedisAsync(ring, expected: null, "init", cancellation); // 5
        await session.Failpoint.ReachedAsync("ring-published", cancellation);
        return new InitResult(
            isNew ? InitOutcome.Initialised : InitOutcome.Completed, ring,
            migrated.ToDictionary(pair => pair.Key, pair => pair.Value.VersionAfter), []);
    }

    /// <summary>
    /// Finds a cluster that was made already: the ring has these shards (and perhaps more by now), and the databases agree with the ring.
    /// </summary>
    private async Task<InitResult?> FindInitialisedAsync(IReadOnlyList<Shard> shards, CancellationToken cancellation)
    {
        if (await session.FindRingAsync(cancellation) is not { } ring)
            return null;
        var differences = shards
            .Where(shard => ring.Find(shard.Id)?.Address != shard.Address)
            .Select(shard => ring.Find(shard.Id) is { } there
                ? $"Shard {shard.Id} is {there.Address} there, not {shard.Address}."
                : $"There is no shard {shard.Id} ({shard.Address}) in it.")
            .ToArray();
        if (differences.Length > 0)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"The cluster {ring.Cluster} exists already, at epoch {ring.Epoch}, with other shards. {string.Join(" ", differences)}",
                "shardadmin ring show; a further shard joins with: shardadmin add-shard ID --host H --port P --database D");
        var remembered = await RememberedShards.ReadAsync(session, ring, cancellation);
        remembered.RequireTheirs();
        return new InitResult(InitOutcome.AlreadyInitialised, ring, remembered.Schemas, remembered.Silent);
    }

    /// <summary>The ring that init publishes: of a new cluster, or of a cluster that an earlier init did not complete.</summary>
    private ShardRing PlanFor(IReadOnlyList<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts)
    {
        var begun = facts.Values.Select(fact => fact.Identity).OfType<ShardIdentity>().FirstOrDefault();
        Preflight.RequireNotForeign(shards, facts, ClusterName, begun?.Cluster.Id);
        foreach (var identity in facts.Values.Select(fact => fact.Identity).OfType<ShardIdentity>())
            RequireResumable(identity, shards);
        RequireNothingLost(shards, facts);
        return RingOf(begun?.Cluster ?? new ClusterId(ClusterName, Guid.NewGuid()), shards);
    }

    /// <summary>Init may continue an init that stopped before its ring was published, but never a cluster that was in use.</summary>
    private void RequireResumable(ShardIdentity identity, IReadOnlyList<Shard> shards)
    {
        if (identity.RingEpoch > Epoch.First)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Shard {identity.Shard} belongs to the cluster {identity.Cluster}, which has been at epoch {identity.RingEpoch}, but "
                + $"Redis at {session.Redis.Endpoint} has no ring of it.",
                $"shardadmin ring rebuild --seed {shards.First(shard => shard.Id == identity.Shard).Address}");
        if (!identity.Shards.OrderBy(shard => shard.Id).SequenceEqual(shards.OrderBy(shard => shard.Id)))
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Shard {identity.Shard} is part of a cluster that was begun with other shards: "
                + $"{string.Join(", ", identity.Shards.Select(shard => $"{shard.Id}={shard.Address}"))}.",
                $"shardadmin init {string.Join(' ', identity.Shards.Select(shard => $"--shard {shard.Id}={shard.Address}"))}");
    }

    /// <summary>
    /// Requires that no shard has lost its data. Collections exist only in a cluster that has had a ring. Therefore, if one shard has a
    /// collection, the other databases were shards too. A database that is not a shard any more has lost its data; init would hide that.
    /// </summary>
    private static void RequireNothingLost(IReadOnlyList<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts)
    {
        if (shards.FirstOrDefault(shard => facts[shard.Id].HasCollections) is not { } lived
            || facts.Values.All(fact => fact.Identity is not null))
            return;
        var lost = shards.Where(shard => facts[shard.Id].Identity is null)
            .Select(shard => $"Shard {shard.Id}: {RememberedShards.Blank(shard, facts[shard.Id])}");
        throw new CommandFailedException(
            ExitCode.Precondition,
            $"Redis has no ring, but shard {lived.Id} at {lived.Address} belongs to the cluster {facts[lived.Id].Identity!.Cluster} and "
            + $"has collections, so this cluster was in use. {string.Join(" ", lost)}",
            $"restore that database from its backup, then: shardadmin ring rebuild --seed {lived.Address}");
    }

    private static ShardRing RingOf(ClusterId cluster, IReadOnlyList<Shard> shards) =>
        ShardRing.Create(cluster, Epoch.First, shards, shards.Count == 0 ? [] : RingPlanner.Plan([], shards).Owners);

    /// <returns>The ring with the cluster id that the first shard decided.</returns>
    private async Task<ShardRing> WriteIdentitiesAsync(ShardRing ring, CancellationToken cancellation)
    {
        ShardIdentity? decided = null;
        foreach (var shard in ring.Shards)
        {
            var wanted = new ShardIdentity(
                decided?.Cluster ?? ring.Cluster, shard.Id,
                decided?.CursorSecret ?? RandomNumberGenerator.GetBytes(ShardIdentity.CursorSecretBytes),
                ring.Epoch, ring.Shards);
            var actual = await Reach.ShardAsync(
                shard, () => ShardOwnershipStore.WriteIdentityAsync(session.Source(shard), wanted, cancellation));
            if (actual.Cluster.Name != ClusterName || actual.Shard != shard.Id
                || (decided is not null && actual.Cluster != decided.Cluster))
                throw new CommandFailedException(
                    ExitCode.Conflict,
                    $"The database {shard.Address} was taken by the cluster {actual.Cluster} as {actual.Shard} meanwhile.",
                    "shardadmin init --help");
            decided ??= actual;
            await session.Failpoint.ReachedAsync($"identity-written:{shard.Id}", cancellation);
        }
        return decided is null ? ring : RingOf(decided.Cluster, ring.Shards);
    }

    private async Task<bool> WriteOwnershipAsync(ShardRing ring, Shard shard, CancellationToken cancellation)
    {
        var planned = ring.SlotsOf(shard.Id);
        await ShardOwnershipStore.InsertFirstOwnershipAsync(session.Source(shard), planned, ring.Epoch, cancellation);
        var runs = await ShardOwnershipStore.ReadRunsAsync(session.Source(shard), cancellation);
        if (!runs.Where(run => run.IsOwner).SelectMany(run => run.Slots).SequenceEqual(planned))
            throw new CommandFailedException(
                ExitCode.Precondition, $"Shard {shard.Id} says that it owns other slots than a new cluster gives it.",
                "shardadmin ring rebuild --dry-run --seed " + shard.Address);
        return true;
    }
}
