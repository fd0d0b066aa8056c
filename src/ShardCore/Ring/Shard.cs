namespace ShardCore.Ring;

/// <summary>
/// One Postgres database as the ring knows it. Never a credential: those come from the environment of each program.
/// </summary>
/// <param name="Weight">Its share of the slots relative to the other shards, 1…1000.</param>
public sealed record Shard(ShardId Id, string Host, int Port, string Database, int Weight = 1, ShardState State = ShardState.Active)
{
    public const int MaxWeight = 1000;

    public string Address => $"{Host}:{Port}/{Database}";
}
