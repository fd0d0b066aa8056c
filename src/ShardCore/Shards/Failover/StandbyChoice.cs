namespace ShardCore.Shards.Failover;

/// <summary>Decides which hosts of a shard may answer reads beside its primary. A pure function.</summary>
public static class StandbyChoice
{
    /// <summary>
    /// Whether the host follows the present primary. A standby on an earlier timeline follows a server that was replaced, or nobody: it
    /// never gets what the present primary has taken. A standby on a later timeline follows a primary that this process does not know yet.
    /// </summary>
    /// <param name="view">The answer of the host.</param>
    /// <param name="seen">The system and the timeline of the present primary; null: none is known.</param>
    public static bool IsUsable(HostView view, ShardPosition? seen) =>
        seen is not null && view.Role == HostRole.Standby && view.System == seen.System && view.Timeline == seen.Timeline;
}
