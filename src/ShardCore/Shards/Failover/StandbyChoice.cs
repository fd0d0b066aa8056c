using ShardCore.Shards.History;

namespace ShardCore.Shards.Failover;

/// <summary>Pure: which hosts of a shard may answer reads beside its primary.</summary>
public static class StandbyChoice
{
    /// <summary>
    /// It follows the present primary. One on an earlier timeline follows a server that was replaced, or nobody: what the present primary
    /// took never gets there. One on a later timeline follows a primary that is not known here yet.
    /// </summary>
    /// <param name="view">What the host said of itself.</param>
    /// <param name="seen">The present primary's system and timeline; null: none is known.</param>
    public static bool IsUsable(HostView view, ShardPosition? seen) =>
        seen is not null && view.Role == HostRole.Standby && view.System == seen.System && view.Timeline == seen.Timeline;
}
