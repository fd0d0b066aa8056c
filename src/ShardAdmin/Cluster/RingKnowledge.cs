using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>
/// The ring in Redis beside everything else that has ever heard of a ring: the shards' list copies and ownership, and the
/// routers. A Redis that was restored from an old backup holds a readable ring that is not the cluster's any more; a ring
/// derived from it, with its epoch plus one, would be a second ring of a known epoch, which every router ignores.
/// </summary>
/// <param name="Copies">By shard; null: no identity.</param>
/// <param name="Ownership">What all the shards asked say of the slots.</param>
/// <param name="RouterEpoch">The highest that a registered router routes by; 0 without any.</param>
internal sealed record RingKnowledge(ShardRing Ring, IReadOnlyDictionary<ShardId, ShardIdentity?> Copies, OwnershipMap Ownership, long RouterEpoch)
{
    /// <summary>An epoch beyond it is noise, not a ring we must stay above.</summary>
    public const long MaxCredibleEpoch = 1L << 50;

    public long HighestEpoch => new[] { Ring.Epoch.Value, CopyEpoch, Ownership.HighestEpoch, RouterEpoch }.Max();

    /// <summary>For the ring that is published next: above everything known.</summary>
    public Epoch Next => new Epoch(HighestEpoch).Next();

    /// <summary>Somebody knows a later ring than Redis does.</summary>
    public bool IsRingBehind => HighestEpoch > Ring.Epoch.Value;

    private long CopyEpoch => Copies.Values.OfType<ShardIdentity>().Where(IsOurs).Select(copy => copy.RingEpoch.Value).Append(0).Max();

    /// <param name="further">Shards that are not in the ring, or not yet.</param>
    /// <exception cref="ShardUnreachableException">Without every shard nobody knows what the newest ring is.</exception>
    public static async Task<RingKnowledge> ReadAsync(AdminSession session, ShardRing ring, IEnumerable<Shard> further, CancellationToken cancellation)
    {
        var shards = ring.Shards.Concat(further).DistinctBy(shard => shard.Id).ToArray();
        var told = await Reach.AllAsync(shards, shard => AskAsync(session, shard, cancellation));
        return await OfAsync(session, ring, told, cancellation);
    }

    /// <param name="asked">Which of the ring's shards.</param>
    public static async Task<RingKnowledge> ReadAsync(AdminSession session, ShardRing ring, Func<Shard, bool> asked, CancellationToken cancellation) =>
        await OfAsync(session, ring, await Reach.AllAsync([.. ring.Shards.Where(asked)], shard => AskAsync(session, shard, cancellation)), cancellation);

    /// <summary>As far as the shards answer: for those who must go on with one of them down.</summary>
    public static async Task<RingKnowledge> ReadReachableAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var told = await Reach.TryAllAsync(ring.Shards, shard => AskAsync(session, shard, cancellation));
        return await OfAsync(session, ring, told.Where(each => each.Value.Answer is not null).ToDictionary(each => each.Key, each => each.Value.Answer!), cancellation);
    }

    /// <summary>The shard lists that are newer than the ring in Redis must name its shards.</summary>
    /// <param name="changing">Shards that the command itself brings, changes or takes away: their part may be half done.</param>
    /// <exception cref="CommandFailedException">Redis was set back behind a change of the shard list.</exception>
    public void RequireNotSetBack(IReadOnlyCollection<ShardId> changing)
    {
        foreach (var copy in Copies.Values.OfType<ShardIdentity>().Where(copy => IsOurs(copy) && copy.RingEpoch > Ring.Epoch))
            if (!Apart(copy.Shards, changing).SequenceEqual(Apart(Ring.Shards, changing)))
                throw new CommandFailedException(
                    ExitCode.Precondition,
                    $"The ring in Redis has epoch {Ring.Epoch} and the shards {Names(Ring.Shards)}, but shard {copy.Shard} knows epoch {copy.RingEpoch} with {Names(copy.Shards)}: Redis was set back, or a change stopped halfway.",
                    "shardadmin ring rebuild");
    }

    /// <summary>For commands that build on the ring's owners instead of publishing the shards' own word.</summary>
    /// <exception cref="CommandFailedException">They differ.</exception>
    public void RequireOwnersAgree()
    {
        if (!Ownership.IsComplete)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", Ownership.Problems()),
                Ownership.Unfinished.Count > 0 ? "shardadmin ops resume; if that finds nothing: shardadmin doctor" : "shardadmin doctor");
        if (!Ownership.Owners.SequenceEqual(Ring.Owners))
            throw new CommandFailedException(
                ExitCode.Precondition, $"The ring in Redis, epoch {Ring.Epoch}, names other owners than the shards, who know epoch {HighestEpoch}.", "shardadmin ring rebuild");
    }

    private bool IsOurs(ShardIdentity identity) => identity.Cluster == Ring.Cluster;

    private static IEnumerable<Shard> Apart(IEnumerable<Shard> shards, IReadOnlyCollection<ShardId> changing) =>
        shards.Where(shard => !changing.Contains(shard.Id)).OrderBy(shard => shard.Id);

    private static string Names(IEnumerable<Shard> shards) => string.Join(", ", shards.Select(shard => shard.Id));

    private static async Task<RingKnowledge> OfAsync(
        AdminSession session, ShardRing ring, IReadOnlyDictionary<ShardId, Told> told, CancellationToken cancellation)
    {
        var routers = (await session.Routers.ListAsync(cancellation)).Select(router => router.Epoch).Where(epoch => epoch < MaxCredibleEpoch);
        return new RingKnowledge(
            ring, told.ToDictionary(each => each.Key, each => each.Value.Identity),
            OwnershipMap.Of(told.ToDictionary(each => each.Key, each => each.Value.Runs)), routers.Append(0).Max());
    }

    /// <summary>A database that is no shard of ours yet says nothing of slots.</summary>
    private static async Task<Told> AskAsync(AdminSession session, Shard shard, CancellationToken cancellation)
    {
        var identity = await ShardOwnershipStore.ReadIdentityAsync(session.Source(shard), cancellation);
        return new Told(identity, identity is null ? [] : await ShardOwnershipStore.ReadRunsAsync(session.Source(shard), cancellation));
    }

    private sealed record Told(ShardIdentity? Identity, IReadOnlyList<OwnershipRun> Runs);
}
