using ShardCore.Moves;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What must be true in every state.</summary>
internal sealed class Invariants(ModelBounds bounds)
{
    /// <returns>What is broken; null: nothing.</returns>
    public string? Broken(ModelState s) => OfOwners(s) ?? OfRows(s) ?? OfTheJournal(s) ?? OfDisputes(s);

    private string? OfOwners(ModelState s) =>
        s.Target == SlotState.Owned && s.Source != SlotState.Released && !MayHaveTwoOwners(s)
            ? "the target owns a slot that the source has not released"
        : IsServed(s.Source) && s.Phase >= MovePhase.Released ? "the journal says released, and the source serves"
        : s.Source == SlotState.Frozen && s is not { Phase: MovePhase.Frozen, Held: true }
            ? "a frozen slot of which the journal does not know: nobody can thaw it"
        : null;

    private static string? OfRows(ModelState s) =>
        IsServed(s.Source) && s.Target != SlotState.Owned && (s.SourceRow(0) != s.MustA || s.SourceRow(1) != s.MustB)
            ? "the source serves rows that are not the acknowledged ones"
        : s.Target == SlotState.Owned && !TargetHolds(s) ? "the target serves rows that are not the acknowledged ones"
        : s.LastCopyIsGone ? "rows were deleted of which nobody else has a copy"
        : s.Phase == MovePhase.Released && s.Loss is not (Loss.SourceTookOver or Loss.TargetTookOver) && !TargetHolds(s)
            ? "the slot was released to a target that does not have the acknowledged rows"
        : null;

    // A shard that lost commits may forget an attempt, or a cancel, that the other knows: then an import is left that no journal has,
    // and 'doctor' tells. Or it has a publication again that was dropped before the journal was closed.
    private static string? OfTheJournal(ModelState s) =>
        s.Phase >= MovePhase.Owned && !s.Disputed && (s.Target != SlotState.Owned || s.TargetEpoch != s.SourceEpoch) && !s.WentBack
            && s.Loss != Loss.TargetTookOver
            ? "the journal says owned, and the target does not own at the release's epoch"
        : s.Phase is null && !IsBeingSettled(s) && s.Loss is not (Loss.SourceTookOver or Loss.TargetTookOver)
            && (s.Import != 0 || s.Target == SlotState.Importing) ? "the journal is closed, and an import stands"
        : s.Phase is null && !IsBeingSettled(s) && s.Loss != Loss.SourceTookOver && s.Publications != 0
            ? "the journal is closed, and a publication stands"
        : s is { Phase: null, Source: SlotState.Released, RowsAtSource: > 0 }
            ? "the journal is closed, and rows are left that the source gave away"
        : s.Phase is null && !s.WasSetBack && !IsBeingSettled(s) && (s.Loss != Loss.TargetTookOver || s.TakenBack)
            && s.RingSaysTarget != (s.Target == SlotState.Owned) ? "the ring names a shard that does not own the slot, and nobody will mend it"
        : null;

    private string? OfDisputes(ModelState s) =>
        !s.Disputed ? null
        : s.Loss is not (Loss.SourceTookOver or Loss.TargetTookOver) && !s.WasDamaged ? "a batch is disputed though nothing was lost"
        : bounds.IsStreaming && s.Phase == MovePhase.Released ? "a streaming standby lacked the seal, and nobody serves the slot"
        : null;

    /// <summary>
    /// The source lost its release, by a standby that did not stream or by a backup, and nobody has acted on the batch since.
    /// </summary>
    private bool MayHaveTwoOwners(ModelState s) => s is { Loss: Loss.SourceTookOver, LostRelease: true } && !bounds.IsStreaming;

    /// <summary>Somebody made the source the owner again and has not done the rest yet.</summary>
    private static bool IsBeingSettled(ModelState s) => s.TakenBack && s.PersonStep != PersonStep.Finished;

    private static bool IsServed(SlotState state) => state is SlotState.Owned or SlotState.Frozen;

    /// <summary>But for what was deleted by hand, and for a write that the source lost and that is here all the same.</summary>
    private static bool TargetHolds(ModelState s) =>
        (s.TargetA == s.MustA || s.TargetA + 1 == s.LostA || (s.Damaged & 1) != 0)
            && (s.TargetB == s.MustB || s.TargetB + 1 == s.LostB || (s.Damaged & 2) != 0);
}
