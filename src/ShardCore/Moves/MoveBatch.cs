using System.Collections.Immutable;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>At most 1,024 slots, usually 256, that go from one shard to another together: what becomes final at once.</summary>
/// <param name="OperationId">The batches that were planned together.</param>
/// <param name="Attempt">How many times it was begun; each begin ends all earlier ones.</param>
/// <param name="Epoch">Of the ring in which the target owns the slots; null before the release.</param>
/// <param name="VersionFloor">What the target's versions must be above; null before the release.</param>
public sealed record MoveBatch(
    Guid Id, Guid OperationId, int Ordinal, ShardId Target, ImmutableArray<Slot> Slots, MovePhase Phase, int Attempt, Epoch? Epoch, long? VersionFloor)
{
    /// <summary>Each slot locked is an entry in Postgres' lock table, which by default has 6,400.</summary>
    public const int MaxSlots = 1024;

    public const int UsualSlots = 256;
}
