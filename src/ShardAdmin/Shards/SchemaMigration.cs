using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Migrations;
using ShardCore.Ring;

namespace ShardAdmin.Shards;

/// <summary>Examines or migrates the schemas of all shards, in parallel.</summary>
internal static class SchemaMigration
{
    public static Task<IReadOnlyDictionary<ShardId, MigrationResult>> InspectAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        Reach.AllAsync(shards, shard => new ShardMigrator().InspectAsync(session.Source(shard), cancellation));

    public static Task<IReadOnlyDictionary<ShardId, MigrationResult>> ApplyAsync(
        AdminSession session, IReadOnlyCollection<Shard> shards, CancellationToken cancellation) =>
        Reach.AllAsync(shards, shard => new ShardMigrator().MigrateAsync(session.Source(shard), cancellation));

    /// <exception cref="CommandFailedException">The schema of a shard does not have the version of this program.</exception>
    public static void RequireCurrent(IReadOnlyDictionary<ShardId, MigrationResult> results)
    {
        var problems = results.Where(result => !result.Value.IsCurrent)
            .Select(result =>
                $"Shard {result.Key}: {result.Value.Problem ?? $"its schema lacks {string.Join(", ", result.Value.Pending)}."}")
            .ToArray();
        if (problems.Length > 0)
            throw new CommandFailedException(ExitCode.Precondition, string.Join(" ", problems), "shardadmin migrate");
    }
}
