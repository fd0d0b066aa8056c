using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardAdmin.Shards;

/// <summary>
/// Checks the preconditions of all databases before the first of them is changed. It changes nothing, and reports the problems of all
/// shards at once: people should not have to repair one problem to hear of the next.
/// </summary>
internal static class Preflight
{
    /// <exception cref="ShardUnreachableException">Some shards do not answer; the message names all of them.</exception>
    public static Task<IReadOnlyDictionary<ShardId, ShardFacts>> ReadAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        Reach.AllAsync(shards, shard => ShardFacts.ReadAsync(session.Source(shard), cancellation));

    /// <summary>Requires suitable servers, schemas that can be migrated, and a separate database for each shard.</summary>
    /// <exception cref="CommandFailedException">The message has every problem that was found.</exception>
    public static void RequireUsable(IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts)
    {
        var problems = shards
            .Where(shard => facts[shard.Id].Schema is
            {
                State: not (MigrationState.UpToDate or MigrationState.Pending or MigrationState.Migrated)
            })
            .Select(shard => $"Shard {shard.Id} at {shard.Address}: {facts[shard.Id].Schema.Problem}")
            .Concat(shards.GroupBy(shard => facts[shard.Id].Server.Database, StringComparer.Ordinal).Where(same => same.Count() > 1)
                .Select(same =>
                    $"Shards {string.Join(" and ", same.Select(shard => $"{shard.Id} ({shard.Address})"))} are one and the same database."))
            .ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", problems),
                "give each shard its own database on Postgres 15 or later with encoding UTF8, then the same command again");
    }

    /// <summary>Requires that each database belongs to no cluster, or is this shard of this cluster.</summary>
    /// <param name="cluster">The id of the cluster; null: only its name is known.</param>
    public static void RequireNotForeign(
        IReadOnlyCollection<Shard> shards, IReadOnlyDictionary<ShardId, ShardFacts> facts, string clusterName, Guid? cluster)
    {
        var problems = shards.Select(shard => ForeignTo(shard, facts[shard.Id].Identity, clusterName, cluster)).OfType<string>().ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(
                ExitCode.Precondition, string.Join(" ", problems),
                "name other databases; or, if you want to give this one up with all its data: psql … -c 'drop schema sharding, sharding_items cascade'");
    }

    private static string? ForeignTo(Shard shard, ShardIdentity? identity, string clusterName, Guid? cluster)
    {
        if (identity is null)
            return null;
        if (identity.Cluster.Name != clusterName || (cluster is { } id && identity.Cluster.Id != id))
            return $"The database {shard.Address} belongs to another cluster: it is shard {identity.Shard} of {identity.Cluster}.";
        return identity.Shard == shard.Id
            ? null
            : $"The database {shard.Address} is shard {identity.Shard} of this cluster, not {shard.Id}.";
    }
}
