namespace ShardCore.Ring;

/// <summary>
/// One Postgres database as the ring knows it. It has no credentials: each program has those in its environment.
/// </summary>
/// <param name="At">Where the database is.</param>
/// <param name="Weight">Its share of the slots relative to the other shards, 1…1000.</param>
public sealed record Shard(ShardId Id, ShardAddress At, int Weight = 1, ShardState State = ShardState.Active)
{
    public const int MaxWeight = 1000;

    /// <summary>A shard on one server.</summary>
    public Shard(ShardId id, string host, int port, string database, int weight = 1, ShardState state = ShardState.Active)
        : this(id, new ShardAddress([new ShardHost(host, port)], database), weight, state)
    {
    }

    public string Database => At.Database;

    public string Address => At.ToString();
}

/// <summary>Whether the planner may give slots to a shard. In both states the shard serves what it owns.</summary>
public enum ShardState
{
    Active,

    /// <summary>The shard is being emptied: the planner gives it nothing and takes all its slots away.</summary>
    Draining,
}
