namespace ShardCore.Ring;

/// <summary>
/// Which cluster a ring, a shard or a router belongs to. The name is what people type; the id, made once by
/// <c>shardadmin init</c>, tells two clusters of the same name apart, so that a shard is never adopted by a stranger.
/// </summary>
public sealed record ClusterId(string Name, Guid Id)
{
    public override string ToString() => $"{Name} ({Id})";
}
