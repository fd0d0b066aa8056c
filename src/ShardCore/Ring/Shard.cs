namespace ShardCore.Ring;

/// <summary>
/// One Postgres database as the ring knows it. Never a credential: those come from the environment of each program.
/// </summary>
/// <param name="At">Where it is.</param>
/// <param name="Weight">Its share of the slots relative to the other shards, 1…1000.</param>
public sealed record Shard(ShardId Id, ShardAddress At, int Weight = 1, ShardState State = ShardState.Active)
{
    public const int MaxWeight = 1000;

    /// <summary>On one server.</summary>
    public Shard(ShardId id, string host, int port, string database, int weight = 1, ShardState state = ShardState.Active)
        : this(id, new ShardAddress([new ShardHost(host, port)], database), weight, state)
    {
    }

    public string Database => At.Database;

    public string Address => At.ToString();
}
