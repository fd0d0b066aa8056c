using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What must be true in every state.</summary>
internal static class Invariants
{
    /// <returns>What is broken; null: nothing.</returns>
    public static string? Broken(ModelState s) =>
        s.Target == SlotState.Owned && s.Source != SlotState.Released ? "the target owns a slot that the source has not released"
        : IsServed(s.Source) && !Holds(s, s.Cleaned ? Rows.Absent : Rows.Of(0, s.SourceA), s.Cleaned ? Rows.Absent : Rows.Of(1, s.SourceB)) ? "the source serves rows that are not the acknowledged ones"
        : s.Target == SlotState.Owned && !Holds(s, s.TargetA, s.TargetB) ? "the target serves rows that are not the acknowledged ones"
        : s.Phase == MovePhase.Released && !Holds(s, s.TargetA, s.TargetB) ? "the slot was released to a target that does not have the acknowledged rows"
        : s.Source == SlotState.Frozen && s is not { Phase: MovePhase.Frozen, Held: true } ? "a frozen slot of which the journal does not know: nobody can thaw it"
        : IsServed(s.Source) && s.Phase >= MovePhase.Released ? "the journal says released, and the source serves"
        : s.Phase >= MovePhase.Owned && (s.Target != SlotState.Owned || s.TargetEpoch != s.SourceEpoch) && !s.WentBack ? "the journal says owned, and the target does not own at the release's epoch"
        : s.Phase is null && (s.Import != 0 || s.Target == SlotState.Importing || s.Publications != 0) ? "the journal is closed, and an import or a publication stands"
        : s is { Phase: null, Source: SlotState.Released, RowsAtSource: > 0 } ? "the journal is closed, and rows are left that the source gave away"
        : s.Phase is null && !s.WasSetBack && s.RingSaysTarget != (s.Target == SlotState.Owned) ? "the ring names a shard that does not own the slot, and nobody will mend it"
        : null;

    private static bool IsServed(SlotState state) => state is SlotState.Owned or SlotState.Frozen;

    private static bool Holds(ModelState s, int a, int b) => a == Rows.Of(0, s.AcknowledgedA) && b == Rows.Of(1, s.AcknowledgedB);
}
