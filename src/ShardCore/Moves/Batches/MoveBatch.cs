using System.Collections.Immutable;
using ShardCore.Ring;

namespace ShardCore.Moves.Batches;

/// <summary>At most 1,024 slots, usually 256, that go from one shard to another together. A batch becomes final as a whole.</summary>
/// <param name="OperationId">The same for all batches that were planned together.</param>
/// <param name="Attempt">The number of the last attempt; each attempt ends all earlier ones.</param>
/// <param name="Epoch">The epoch of the ring in which the target owns the slots; null before the release.</param>
/// <param name="VersionFloor">The target's versions must be above this; null before the release.</param>
public sealed record MoveBatch(
    Guid Id, Guid OperationId, int Ordinal, ShardId Target, ImmutableArray<Slot> Slots, MovePhase Phase, int Attempt, Epoch? Epoch,
    long? VersionFloor)
{
    /// <summary>
    /// Random bytes that the target wrote behind the last of the rows. Null before the release, and if the source lost its release (see
    /// <see cref="IsFollowing"/>).
    /// </summary>
    public byte[]? Seal { get; init; }

    /// <summary>Why only a person may go on with the batch; null: nothing is wrong.</summary>
    public string? Disputed { get; init; }

    /// <summary>A person said that the target's copy is right, so the batch is not compared.</summary>
    public bool IsSettled { get; init; }

    /// <summary>
    /// The source failed over or was restored since a person planned or resumed the batch. The batch may have been finished or cancelled
    /// in what was lost.
    /// </summary>
    public bool IsOfOtherHistory { get; init; }

    /// <summary>The source lost its release, and released again after the target had become the owner of the slots.</summary>
    public bool IsFollowing => Phase > MovePhase.Released && Seal is null;

    /// <summary>The most slots of a batch: each locked slot is an entry in Postgres' lock table, which by default has 6,400.</summary>
    public const int MaxSlots = 1024;

    public const int UsualSlots = 256;
}
