using ShardCore.Shards.Failover;

namespace ShardCore.Shards.History;

/// <summary>The part of a shard's history that Redis keeps.</summary>
/// <param name="Position">The highest position that any process saw.</param>
/// <param name="Acceptances">How often a person has accepted a loss. Other processes see by this that it happened.</param>
/// <param name="Loss">Null: no loss is known.</param>
public sealed record KeptPosition(ShardPosition Position, long Acceptances, ShardLoss? Loss);

/// <param name="Text">The text in Redis; null: there is none.</param>
/// <param name="Value">Null: there is no text, or it cannot be read.</param>
public sealed record StoredPosition(string? Text, KeptPosition? Value)
{
    public static StoredPosition None { get; } = new(null, null);
}

/// <param name="Expected">The value that Redis must still have.</param>
public sealed record PositionWrite(StoredPosition Expected, KeptPosition Next);
