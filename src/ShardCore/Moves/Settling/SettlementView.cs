using ShardCore.Moves.Importing;

namespace ShardCore.Moves.Settling;

/// <summary>The two copies of a batch's slots as they are now, for a person who has to say which copy is right.</summary>
/// <param name="Word">The answer of the target about the batch.</param>
/// <param name="Same">The number of rows that are equal on both sides.</param>
/// <param name="NewerAtSource">The number of rows that are on both sides, with the higher version at the source.</param>
/// <param name="NewerAtTarget">
/// The number of rows that are on both sides, with the higher version at the target, or with the same version and other content.
/// </param>
/// <param name="OnlyAtSource">The number of rows that were deleted at the target since, or were lost there.</param>
/// <param name="OnlyAtTarget">The number of rows that were created at the target since.</param>
/// <param name="LastAtSource">When the source's newest row was written, by the clock of that shard; null: it has no row.</param>
public sealed record SettlementView(
    ImportWord Word, long Same, long NewerAtSource, long NewerAtTarget, long OnlyAtSource, long OnlyAtTarget, DateTime? LastAtSource,
    DateTime? LastAtTarget)
{
    public long RowsAtSource => Same + NewerAtSource + NewerAtTarget + OnlyAtSource;

    public long RowsAtTarget => Same + NewerAtSource + NewerAtTarget + OnlyAtTarget;
}
