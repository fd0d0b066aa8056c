using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.Shards;

namespace ShardAdmin.Rings.Rebuilding;

/// <param name="Epoch">The highest epoch of all copies.</param>
/// <param name="HasLaggards">True: the copies do not all have this epoch and this list.</param>
internal sealed record ShardList(ClusterId Cluster, Epoch Epoch, IReadOnlyList<Shard> Shards, bool HasLaggards);

/// <summary>Finds the newest list of shards, beginning with the given seeds.</summary>
/// <param name="at">The present addresses of shards. They override the addresses in all copies of the list.</param>
internal sealed class ShardListSearch(AdminSession session, IReadOnlyDictionary<ShardId, ShardAddress> at)
{
    /// <summary>Each round finds a newer list than the round before. If more rounds are needed, the cluster is being changed.</summary>
    private const int MaxRounds = 10;

    /// <exception cref="CommandFailedException">A seed is not a shard, or the seeds belong to different clusters.</exception>
    /// <exception cref="ShardUnreachableException">No seed answers, or a shard of the list does not.</exception>
    public async Task<ShardList> FindAsync(IReadOnlyList<ShardAddress> seeds, CancellationToken cancellation)
    {
        var known = Placed(await AskSeedsAsync(seeds, cancellation));
        for (var round = 0; round < MaxRounds; round++)
        {
            var newest = Newest(known);
            var copies = await ReadCopiesAsync(known[0].Cluster, newest.Shards, cancellation);
            var placed = Placed(copies);
            var again = Newest(placed);
            if (again.RingEpoch <= newest.RingEpoch && again.Shards.SequenceEqual(newest.Shards))
                return new ShardList(
                    newest.Cluster, newest.RingEpoch, newest.Shards,
                    copies.Any(copy => copy.RingEpoch != newest.RingEpoch || !copy.Shards.SequenceEqual(newest.Shards)));
            known = placed;
        }
        throw new CommandFailedException(
            ExitCode.Conflict, "The list of shards keeps changing while it is read.",
            "wait until the other shardadmin is done, then the same command again");
    }

    /// <summary>
    /// The copy with the highest epoch. If copies of this epoch differ (a join stopped halfway), the list that most copies have.
    /// </summary>
    private static ShardIdentity Newest(IReadOnlyCollection<ShardIdentity> copies) =>
        copies.GroupBy(copy => copy.RingEpoch).MaxBy(same => same.Key)!
            .GroupBy(copy => ShardListCodec.Write(copy.Shards), StringComparer.Ordinal)
            .OrderByDescending(same => same.Count()).ThenBy(same => same.Key, StringComparer.Ordinal)
            .First().First();

    /// <summary>Replaces the addresses in the copies by those that were given.</summary>
    /// <exception cref="CommandFailedException">The newest copy does not have one of these shards.</exception>
    private IReadOnlyList<ShardIdentity> Placed(IReadOnlyList<ShardIdentity> copies)
    {
        if (at.Count == 0)
            return copies;
        var newest = Newest(copies);
        if (at.Keys.FirstOrDefault(id => newest.Shards.All(shard => shard.Id != id)) is { Value.Length: > 0 } stranger)
            throw new CommandFailedException(
                ExitCode.Usage, $"There is no shard {stranger} in the list of shards of epoch {newest.RingEpoch}; it has "
                    + $"{string.Join(", ", newest.Shards.Select(shard => shard.Id))}.", "shardadmin ring rebuild --help");
        return [.. copies.Select(
            copy => copy with { Shards = [.. copy.Shards.Select(
                shard => at.TryGetValue(shard.Id, out var place) ? shard with { At = place } : shard)] })];
    }

    private async Task<IReadOnlyList<ShardIdentity>> AskSeedsAsync(IReadOnlyList<ShardAddress> seeds, CancellationToken cancellation)
    {
        var known = new List<ShardIdentity>();
        ShardUnreachableException? dead = null;
        foreach (var seed in seeds)
        {
            try
            {
                known.Add(await RingSeeds.AskAsync(session, seed, cancellation) ?? throw new CommandFailedException(
                    ExitCode.Precondition, $"The seed {seed} is not a shard: it has no identity.",
                    "shardadmin ring rebuild --seed host:port/database of a shard"));
            }
            catch (ShardUnreachableException e)
            {
                dead = e; // one seed that answers is enough
                session.Output.Note(e.Message);
            }
        }
        if (known.Count == 0)
            throw dead!;
        if (known.FirstOrDefault(identity =>
            identity.Cluster != known[0].Cluster || identity.Cluster.Name != session.Settings.Cluster) is { } foreign)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"A seed is shard {foreign.Shard} of the cluster {foreign.Cluster}, not of '{session.Settings.Cluster}' like the others.",
                $"shardadmin ring rebuild --cluster {foreign.Cluster.Name} …, or seeds of one cluster");
        return known;
    }

    private async Task<IReadOnlyList<ShardIdentity>> ReadCopiesAsync(
        ClusterId cluster, IReadOnlyList<Shard> shards, CancellationToken cancellation)
    {
        var identities = await Reach.AllAsync(
            shards, shard => ShardOwnershipStore.ReadIdentityAsync(session.Source(shard), cancellation));
        foreach (var shard in shards)
            if (identities[shard.Id] is not { } identity || identity.Cluster != cluster || identity.Shard != shard.Id)
                throw new CommandFailedException(
                    ExitCode.Precondition,
                    $"The list of shards names {shard.Id} at {shard.Address}, but this database is "
                    + $"{(identities[shard.Id] is { } other ? $"shard {other.Shard} of {other.Cluster}" : "not a shard")}.",
                    "shardadmin doctor");
        return [.. identities.Values.Select(identity => identity!)];
    }
}
