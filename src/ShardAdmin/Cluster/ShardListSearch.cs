using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <param name="Epoch">The highest of all copies.</param>
/// <param name="HasLaggards">Some shard's copy is of another epoch.</param>
internal sealed record ShardList(ClusterId Cluster, Epoch Epoch, IReadOnlyList<Shard> Shards, bool HasLaggards);

/// <summary>Finds the newest shard list, beginning with whatever shards somebody named.</summary>
/// <param name="at">Where shards are now: it counts more than any copy of the list.</param>
internal sealed class ShardListSearch(AdminSession session, IReadOnlyDictionary<ShardId, ShardAddress> at)
{
    /// <summary>Each round knows a newer list than the one before; more rounds than this is a cluster in motion.</summary>
    private const int MaxRounds = 10;

    /// <exception cref="CommandFailedException">The seeds are no shards, or not of one cluster.</exception>
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
        throw new CommandFailedException(ExitCode.Conflict, "The shard list keeps changing while it is read.", "wait until the other shardadmin is done, then the same command again");
    }

    /// <summary>The highest epoch; at the same epoch (a join that stopped halfway) the list that most copies have.</summary>
    private static ShardIdentity Newest(IReadOnlyCollection<ShardIdentity> copies) =>
        copies.GroupBy(copy => copy.RingEpoch).MaxBy(same => same.Key)!
            .GroupBy(copy => ShardListCodec.Write(copy.Shards), StringComparer.Ordinal)
            .OrderByDescending(same => same.Count()).ThenBy(same => same.Key, StringComparer.Ordinal)
            .First().First();

    /// <exception cref="CommandFailedException">A copy does not have one of these shards.</exception>
    private IReadOnlyList<ShardIdentity> Placed(IReadOnlyList<ShardIdentity> copies)
    {
        if (at.Count == 0)
            return copies;
        var newest = Newest(copies);
        if (at.Keys.FirstOrDefault(id => newest.Shards.All(shard => shard.Id != id)) is { Value.Length: > 0 } stranger)
            throw new CommandFailedException(
                ExitCode.Usage, $"There is no shard {stranger} in the shard list of epoch {newest.RingEpoch}; it has "
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
                    ExitCode.Precondition, $"The seed {seed} is no shard: it has no identity.", "shardadmin ring rebuild --seed host:port/database of a shard"));
            }
            catch (ShardUnreachableException e)
            {
                dead = e; // one that answers is enough
                session.Output.Note(e.Message);
            }
        }
        if (known.Count == 0)
            throw dead!;
        if (known.FirstOrDefault(identity => identity.Cluster != known[0].Cluster || identity.Cluster.Name != session.Settings.Cluster) is { } foreign)
            throw new CommandFailedException(
                ExitCode.Precondition, $"A seed is shard {foreign.Shard} of the cluster {foreign.Cluster}, not of '{session.Settings.Cluster}' like the others.",
                $"shardadmin ring rebuild --cluster {foreign.Cluster.Name} …, or seeds of one cluster");
        return known;
    }

    private async Task<IReadOnlyList<ShardIdentity>> ReadCopiesAsync(ClusterId cluster, IReadOnlyList<Shard> shards, CancellationToken cancellation)
    {
        var identities = await Reach.AllAsync(shards, shard => ShardOwnershipStore.ReadIdentityAsync(session.Source(shard), cancellation));
        foreach (var shard in shards)
            if (identities[shard.Id] is not { } identity || identity.Cluster != cluster || identity.Shard != shard.Id)
                throw new CommandFailedException(
                    ExitCode.Precondition,
                    $"The shard list names {shard.Id} at {shard.Address}, but that database is {(identities[shard.Id] is { } other ? $"shard {other.Shard} of {other.Cluster}" : "no shard")}.",
                    "shardadmin doctor");
        return [.. identities.Values.Select(identity => identity!)];
    }
}
