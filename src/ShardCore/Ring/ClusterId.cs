namespace ShardCore.Ring;

/// <summary>
/// The cluster that a ring, a shard or a router belongs to. People type the name. The id is made once, by <c>shardadmin init</c>. It tells
/// two clusters of the same name apart, so a cluster never adopts a shard of another one.
/// </summary>
public sealed record ClusterId(string Name, Guid Id)
{
    public override string ToString() => $"{Name} ({Id})";
}
