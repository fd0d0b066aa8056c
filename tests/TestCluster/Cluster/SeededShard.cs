using ShardCore.Ring;

namespace TestCluster;

/// <summary>One shard of a <see cref="SeededCluster"/>: how the ring names it, and the database for the test's own look.</summary>
public sealed record SeededShard(Shard Shard, TestDatabase Database)
{
    public string Id => Shard.Id.Value;
}
