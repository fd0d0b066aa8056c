namespace ShardCore.Migrations;

/// <summary>The state of a shard after a check or a migration. The states after the first three are refusals.</summary>
public enum MigrationState
{
    /// <summary>Every known migration was already applied.</summary>
    UpToDate,

    /// <summary>The missing migrations have been applied now.</summary>
    Migrated,

    /// <summary>Some migrations are missing. This was only a check.</summary>
    Pending,

    /// <summary>An applied file differs from the one that this program has, or a file was skipped.</summary>
    ChangedFile,

    /// <summary>Somebody changed objects of the schema by hand.</summary>
    Drift,

    /// <summary>A newer program has migrated this shard. An older program must not touch the schema.</summary>
    NewerThanKnown,

    /// <summary>This database cannot be a shard: too old, not UTF-8, or a standby.</summary>
    Unsuitable,

    /// <summary>Some migrations are missing, and this user may not make them: the schema belongs to another role.</summary>
    NotPermitted,

    /// <summary>Another program migrates this shard, or holds locks on its tables; try again later.</summary>
    Busy,
}
