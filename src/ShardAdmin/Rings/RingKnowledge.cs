using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Rings;

/// <summary>
/// The ring in Redis together with everything that others know of rings: the shards' copies of the list of shards, their ownership, and the
/// epochs of routers. A Redis that was restored from an old backup has a readable ring that is no longer the cluster's ring. A new ring
/// that is derived from it, with its epoch plus one, would be a second ring of an epoch that was already used, and every router would
/// ignore it.
/// </summary>
/// <param name="Copies">The identity of each shard, with its copy of the list; null: the database has no identity.</param>
/// <param name="Ownership">The ownership of slots according to the shards that were asked.</param>
/// <param name="RouterEpoch">The highest epoch that a registered router uses; 0: no router is registered.</param>
internal sealed record RingKnowledge(
    ShardRing Ring, IReadOnlyDictionary<ShardId, ShardIdentity?> Copies, OwnershipMap Ownership, long RouterEpoch)
{
    /// <summary>A higher epoch is damaged data, not a ring that the next epoch must exceed.</summary>
    public const long MaxCredibleEpoch = 1L << 50;

    public long HighestEpoch => new[] { Ring.Epoch.Value, CopyEpoch, Ownership.HighestEpoch, RouterEpoch }.Max();

    /// <summary>The epoch for the ring that is published next: above every known epoch.</summary>
    public Epoch Next => new Epoch(HighestEpoch).Next();

    /// <summary>Whether a shard or a router knows a later ring than Redis does.</summary>
    public bool IsRingBehind => HighestEpoch > Ring.Epoch.Value;

    private long CopyEpoch =>
        Copies.Values.OfType<ShardIdentity>().Where(IsOurs).Select(copy => copy.RingEpoch.Value).Append(0).Max();

    /// <param name="further">Shards that are not in the ring, or not yet.</param>
    /// <exception cref="ShardUnreachableException">A shard does not answer; all are needed to know the newest ring.</exception>
    public static async Task<RingKnowledge> ReadAsync(
        AdminSession session, ShardRing ring, IEnumerable<Shard> further, CancellationToken cancellation)
    {
        var shards = ring.Shards.Concat(further).DistinctBy(shard => shard.Id).ToArray();
        var told = await Reach.AllAsync(shards, shard => AskAsync(session, shard, cancellation));
        return await OfAsync(session, ring, told, cancellation);
    }

    /// <param name="asked">Selects the shards of the ring that are asked.</param>
    public static async Task<RingKnowledge> ReadAsync(
        AdminSession session, ShardRing ring, Func<Shard, bool> asked, CancellationToken cancellation)
    {
        var told = await Reach.AllAsync([.. ring.Shards.Where(asked)], shard => AskAsync(session, shard, cancellation));
        return await OfAsync(session, ring, told, cancellation);
    }

    /// <summary>Asks the shards that answer. For callers that must go on while a shard is down.</summary>
    public static async Task<RingKnowledge> ReadReachableAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var told = await Reach.TryAllAsync(ring.Shards, shard => AskAsync(session, shard, cancellation));
        var answers = told.Where(each => each.Value.Answer is not null).ToDictionary(each => each.Key, each => each.Value.Answer!);
        return await OfAsync(session, ring, answers, cancellation);
    }

    /// <summary>Requires that copies of the list that are newer than the ring in Redis name the same shards as the ring.</summary>
    /// <param name="changing">Shards that the command itself adds, changes or removes. Their entries may be half done and are not
    /// compared.</param>
    /// <exception cref="CommandFailedException">Redis was set back to a ring before a change of the list.</exception>
    public void RequireNotSetBack(IReadOnlyCollection<ShardId> changing)
    {
        foreach (var copy in Copies.Values.OfType<ShardIdentity>().Where(copy => IsOurs(copy) && copy.RingEpoch > Ring.Epoch))
            if (!Apart(copy.Shards, changing).SequenceEqual(Apart(Ring.Shards, changing)))
                throw new CommandFailedException(
                    ExitCode.Precondition,
                    $"The ring in Redis has epoch {Ring.Epoch} and the shards {Names(Ring.Shards)}, but shard {copy.Shard} knows epoch "
                    + $"{copy.RingEpoch} with {Names(copy.Shards)}: Redis was set back, or a change stopped halfway.",
                    "shardadmin ring rebuild");
    }

    /// <summary>
    /// Requires that the ring has the same owners as the shards. For commands that use the ring's owners instead of those that the shards
    /// name.
    /// </summary>
    /// <exception cref="CommandFailedException">The owners differ.</exception>
    public void RequireOwnersAgree()
    {
        if (!Ownership.IsComplete)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", Ownership.Problems()),
                Ownership.Unfinished.Count > 0 ? "shardadmin ops resume; if that finds nothing: shardadmin doctor" : "shardadmin doctor");
        if (!Ownership.Owners.SequenceEqual(Ring.Owners))
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"The ring in Redis, epoch {Ring.Epoch}, names other owners than the shards, which know epoch {HighestEpoch}.",
                "shardadmin ring rebuild");
    }

    private bool IsOurs(ShardIdentity identity) => identity.Cluster == Ring.Cluster;

    private static IEnumerable<Shard> Apart(IEnumerable<Shard> shards, IReadOnlyCollection<ShardId> changing) =>
        shards.Where(shard => !changing.Contains(shard.Id)).OrderBy(shard => shard.Id);

    private static string Names(IEnumerable<Shard> shards) => string.Join(", ", shards.Select(shard => shard.Id));

    private static async Task<RingKnowledge> OfAsync(
        AdminSession session, ShardRing ring, IReadOnlyDictionary<ShardId, Told> told, CancellationToken cancellation)
    {
        var routers = (await session.Routers.ListAsync(cancellation))
            .Select(router => router.Epoch).Where(epoch => epoch < MaxCredibleEpoch);
        return new RingKnowledge(
            ring, told.ToDictionary(each => each.Key, each => each.Value.Identity),
            OwnershipMap.Of(told.ToDictionary(each => each.Key, each => each.Value.Runs)), routers.Append(0).Max());
    }

    /// <summary>A database without an identity is not a shard yet and has no ownership.</summary>
    private static async Task<Told> AskAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var identity = await ShardOwnershipStore.ReadIdentityAsync(session.Source(shard), cancellation);
        return new Told(identity, identity is null ? [] : await ShardOwnershipStore.ReadRunsAsync(session.Source(shard), cancellation));
    }

    private sealed record Told(ShardIdentity? Identity, IReadOnlyList<OwnershipRun> Runs);
}
