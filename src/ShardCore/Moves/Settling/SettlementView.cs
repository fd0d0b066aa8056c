using ShardCore.Moves.Importing;

namespace ShardCore.Moves.Settling;

/// <summary>What source and target have of a batch's slots now, for a person who has to say which copy is right.</summary>
/// <param name="Word">What the target knows of the batch.</param>
/// <param name="Same">Rows that are equal on both sides.</param>
/// <param name="NewerAtSource">Rows on both sides of which the source has the higher version.</param>
/// <param name="NewerAtTarget">Rows on both sides of which the target has the higher version, or the same with another content.</param>
/// <param name="OnlyAtSource">Deleted at the target since, or lost there.</param>
/// <param name="OnlyAtTarget">Created at the target since.</param>
/// <param name="LastAtSource">When the newest row was written, by that shard's clock; null: it has none.</param>
public sealed record SettlementView(
    ImportWord Word, long Same, long NewerAtSource, long NewerAtTarget, long OnlyAtSource, long OnlyAtTarget, DateTime? LastAtSource, DateTime? LastAtTarget)
{
    public long RowsAtSource => Same + NewerAtSource + NewerAtTarget + OnlyAtSource;

    public long RowsAtTarget => Same + NewerAtSource + NewerAtTarget + OnlyAtTarget;
}
