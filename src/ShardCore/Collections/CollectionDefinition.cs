namespace ShardCore.Collections;

/// <summary>A collection as a shard knows it.</summary>
/// <param name="DroppedAt">Set while it is being deleted: it takes no writes, and its name is not free yet.</param>
public sealed record CollectionDefinition(string Name, DateTime CreatedAt, DateTime? DroppedAt)
{
    public bool IsLive => DroppedAt is null;
}
