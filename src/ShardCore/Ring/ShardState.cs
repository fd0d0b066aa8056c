namespace ShardCore.Ring;

/// <summary>Whether the planner may give slots to a shard. It serves what it owns in either state.</summary>
public enum ShardState
{
    Active,

    /// <summary>Being emptied: the planner gives it nothing and takes everything.</summary>
    Draining,
}
