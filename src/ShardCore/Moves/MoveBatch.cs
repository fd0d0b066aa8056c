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
    /// <summary>
    /// Random bytes that the target wrote behind the last of the rows; null before the release, and if the source lost its release (see
    /// <see cref="IsFollowing"/>).
    /// </summary>
    public byte[]? Seal { get; init; }

    /// <summary>Why only a person may go on with it; null: nothing is wrong.</summary>
    public string? Disputed { get; init; }

    /// <summary>A person said that the target's copy is right: it is not compared.</summary>
    public bool IsSettled { get; init; }

    /// <summary>
    /// The source failed over or was restored since a person planned or resumed this: it may have been finished or cancelled in what
    /// was lost.
    /// </summary>
    public bool IsOfOtherHistory { get; init; }

    /// <summary>The source lost its release, and released again after the target, which has come to own the slots.</summary>
    public bool IsFollowing => Phase > MovePhase.Released && Seal is null;

    /// <summary>Each slot locked is an entry in Postgres' lock table, which by default has 6,400.</summary>
    public const int MaxSlots = 1024;

    public const int UsualSlots = 256;
}
