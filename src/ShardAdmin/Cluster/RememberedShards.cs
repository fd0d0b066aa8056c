using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Shards;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Cluster;

/// <summary>
/// Compares the ring in Redis with the databases that it names. They differ if databases were dropped and made anew while Redis kept its
/// ring, if Redis was restored, or if a server took over the address of another one.
/// </summary>
/// <param name="Found">The facts about the databases that answer.</param>
/// <param name="Silent">The problems of the databases that do not answer.</param>
internal sealed record RememberedShards(
    AdminSession Session, ShardRing Ring, IReadOnlyDictionary<ShardId, ShardFacts> Found, IReadOnlyList<string> Silent)
{
    /// <summary>The schema version of each shard.</summary>
    public IReadOnlyDictionary<ShardId, int> Schemas => Found.ToDictionary(pair => pair.Key, pair => pair.Value.Schema.VersionAfter);

    /// <summary>A shard that does not answer does not contradict the ring: routers start and serve without it.</summary>
    public static async Task<RememberedShards> ReadAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var told = await Reach.TryAllAsync(ring.Shards, shard => ShardFacts.ReadAsync(session.Source(shard), cancellation));
        return new RememberedShards(
            session, ring, told.Where(each => each.Value.Answer is not null).ToDictionary(each => each.Key, each => each.Value.Answer!),
            [.. told.Values.Select(each => each.Problem?.Message).OfType<string>()]);
    }

    /// <exception cref="CommandFailedException">A database is not the shard that the ring names. The message has all such
    /// databases.</exception>
    public void RequireTheirs()
    {
        var problems = Ring.Shards.Where(shard => Found.ContainsKey(shard.Id))
            .Select(shard => Problem(shard, Found[shard.Id])).OfType<string>().ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition,
                $"Redis has the ring of the cluster {Ring.Cluster}, epoch {Ring.Epoch}, but the databases are not its shards. "
                + string.Join(" ", problems),
                Next());
    }

    /// <param name="shard">A shard whose database is not a shard any more.</param>
    public static string Blank(Shard shard, ShardFacts facts) => facts.Schema.VersionAfter == 0
        ? $"its database {shard.Address} has no schema."
        : $"its database {shard.Address} has the schema, but belongs to no cluster.";

    private string? Problem(Shard shard, ShardFacts facts) => facts.Identity switch
    {
        null => $"Shard {shard.Id}: {Blank(shard, facts)}",
        { } other when other.Cluster != Ring.Cluster =>
            $"Shard {shard.Id}: its database {shard.Address} belongs to another cluster, as shard {other.Shard} of {other.Cluster}.",
        { } other when other.Shard != shard.Id =>
            $"Shard {shard.Id}: its database {shard.Address} is shard {other.Shard} of this cluster.",
        _ => null,
    };

    private string Next()
    {
        var identities = Found.Values.Select(facts => facts.Identity).ToArray();
        if (identities.All(identity => identity is null))
            return $"to begin anew with the empty databases: {ForgetCommand()}; then the same command again, and restart all routers "
                + "with an empty SHARDING_STATE_DIR. "
                + "To get the data back: restore the databases from their backups, then shardadmin doctor";
        var foreign = Found.FirstOrDefault(pair => pair.Value.Identity is { } identity && identity.Cluster != Ring.Cluster);
        var isAllOfAnother = foreign.Value?.Identity is { } other && other.Cluster.Name == Ring.Cluster.Name
            && identities.All(identity => identity?.Cluster == other.Cluster);
        return isAllOfAnother
            ? "if the databases are right and Redis has the ring of an earlier cluster: "
                + $"shardadmin ring rebuild --seed {Ring.Find(foreign.Key)!.Address}; "
                + "then restart all routers with an empty SHARDING_STATE_DIR"
            : "correct the addresses, or restore these databases from their backups; then shardadmin doctor";
    }

    /// <summary>
    /// The command that deletes the ring, its history and the shards' positions: all of them are about databases that no longer exist.
    /// </summary>
    private string ForgetCommand()
    {
        var keys = new RedisKeys(Ring.Cluster.Name);
        return $"redis-cli DEL '{keys.Ring}' '{keys.RingHistory}' '{keys.Positions}'   (at {Session.Redis.Endpoint})";
    }
}
