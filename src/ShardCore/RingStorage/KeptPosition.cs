using ShardCore.Shards.History;

namespace ShardCore.RingStorage;

/// <summary>What Redis keeps of a shard's history.</summary>
/// <param name="Position">The highest that anybody saw.</param>
/// <param name="Acceptances">How often a person accepted a loss; so others see that it happened.</param>
/// <param name="Loss">Null: none is known.</param>
public sealed record KeptPosition(ShardPosition Position, long Acceptances, ShardLoss? Loss);

/// <param name="Text">As it stands in Redis; null: nothing stands there.</param>
/// <param name="Value">Null: there is none, or it cannot be read.</param>
public sealed record StoredPosition(string? Text, KeptPosition? Value)
{
    public static StoredPosition None { get; } = new(null, null);
}

/// <param name="Expected">What must still stand in Redis.</param>
public sealed record PositionWrite(StoredPosition Expected, KeptPosition Next);
