namespace ShardCore.Migrations;

/// <summary>What became of one shard.</summary>
/// <param name="VersionBefore">The last applied version when we came; 0: none.</param>
/// <param name="VersionAfter">The last applied version now.</param>
/// <param name="Applied">Files applied by this call, in order.</param>
/// <param name="Pending">Files not applied yet, in order.</param>
/// <param name="Problem">What is wrong and what to do, a sentence for people; null when nothing is.</param>
public sealed record MigrationResult(
    int VersionBefore, int VersionAfter, IReadOnlyList<string> Applied, IReadOnlyList<string> Pending, MigrationState State, string? Problem)
{
    /// <summary>The schema is the one this program was written for.</summary>
    public bool IsCurrent => State is MigrationState.UpToDate or MigrationState.Migrated;
}
