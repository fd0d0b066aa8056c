namespace ShardCore.Migrations;

/// <summary>What was found, or done, in one shard. In all but the first three nothing was changed.</summary>
public enum MigrationState
{
    /// <summary>Every known migration was applied before.</summary>
    UpToDate,

    /// <summary>The missing migrations have been applied now.</summary>
    Migrated,

    /// <summary>Only looked at: some migrations are missing.</summary>
    Pending,

    /// <summary>A file that was applied differs from the one this program has, or was skipped.</summary>
    ChangedFile,

    /// <summary>Somebody changed objects of the schema by hand.</summary>
    Drift,

    /// <summary>A newer program has been here; an older one must not touch the schema.</summary>
    NewerThanKnown,

    /// <summary>This database cannot be a shard: too old, not UTF-8, or a standby.</summary>
    Unsuitable,

    /// <summary>Another program migrates this shard, or holds locks on its tables; try again later.</summary>
    Busy,
}
