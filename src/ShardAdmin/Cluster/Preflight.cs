using ShardAdmin.CommandLine;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Cluster;

/// <summary>
/// What must hold of all databases before the first of them is changed. Looks only; every problem of every shard is
/// told at once, so that nobody mends one to be told of the next.
/// </summary>
internal static class Preflight
{
    /// <exception cref="ShardUnreachableException">Some do not answer; all of them are named.</exception>
    public static Task<IReadOnlyDictionary<ShardId, ShardFacts>> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        Reach.AllAsync(shards, shard => ShardFacts.ReadAsync(session.Source(shard), cancellation));

    /// <summary>Suitable servers, schemas that can be migrated, and no two shards in one database.</summary>
    /// <exception cref="CommandFailedException">With every problem found.</exception>
    public static void RequireUsable(IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts)
    {
        var problems = shards
            .Where(shard => facts[shard.Id].Schema is { State: not (MigrationState.UpToDate or MigrationState.Pending or MigrationState.Migrated) })
            .Select(shard => $"Shard {shard.Id} at {shard.Address}: {facts[shard.Id].Schema.Problem}")
            .Concat(shards.GroupBy(shard => facts[shard.Id].Server.Database, StringComparer.Ordinal).Where(same => same.Count() > 1).Select(same =>
                $"Shards {string.Join(" and ", same.Select(shard => $"{shard.Id} ({shard.Address})"))} are one and the same database."))
            .ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(ExitCode.Precondition, string.Join(" ", problems), "give each shard a database of its own on Postgres 15 or later with encoding UTF8, then the same command again");
    }

    /// <summary>The databases belong to nobody, or to this cluster under this very name.</summary>
    /// <param name="cluster">Null: known by its name only.</param>
    public static void RequireNotForeign(
        IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts, string clusterName, Guid? cluster)
    {
        var problems = shards.Select(shard => ForeignTo(shard, facts[shard.Id].Identity, clusterName, cluster)).OfType<string>().ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", problems),
                "name other databases; or, if that one is to be given up with all its data: psql … -c 'drop schema sharding cascade'");
    }

    private static string? ForeignTo(Shard shard, ShardIdentity? identity, string clusterName, Guid? cluster)
    {
        if (identity is null)
            return null;
        if (identity.Cluster.Name != clusterName || (cluster is { } id && identity.Cluster.Id != id))
            return $"The database {shard.Address} belongs to another cluster: it is shard {identity.Shard} of {identity.Cluster}.";
        return identity.Shard == shard.Id ? null : $"The database {shard.Address} is shard {identity.Shard} of this cluster, not {shard.Id}.";
    }
}
