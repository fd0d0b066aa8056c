using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// What happens to a move from outside: time passes, Redis is set back, the source crashes after it cleaned, a row is deleted at the
/// target by hand, and the slot moves back once the move is done.
/// </summary>
internal sealed class Surroundings(KnownBug bug, ModelBounds bounds)
{
    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        if (s is { Phase: MovePhase.Frozen, Expired: false })
            reach("the freeze's deadline passes", s with { Expired = true });
        if (s is { WasSetBack: false, RingEpoch: > 0 } && bounds.IsSetBack)
            reach("Redis is set back to its first ring", s with { WasSetBack = true, RingEpoch = 0, RingSaysTarget = false });
        if (s is { Phase: MovePhase.Verified, Disputed: false, Cleaned: true, HandOversHeld: false }) // a crash would end the hold too
            reach("the source crashes, and its deletions were not on disk", s with { Cleaned = false });
        if (bounds.IsDamaged && !s.WasDamaged)
            Damage(s, reach);
        if (MayMoveBack(s) && !IsAtTarget(s.Writer(0)) && !IsAtTarget(s.Writer(1)))
            reach("the slot is moved back", MoveBack(s));
    }

    /// <summary>
    /// All rows have been brought, and nobody has found them right yet. A row that was written at the target since is not the move's any
    /// more.
    /// </summary>
    private static void Damage(ModelState s, Action<string, ModelState> reach)
    {
        var isSealed = s is { Target: SlotState.Importing } and not { TargetSeal: 0 };
        if (!(isSealed || s is { Target: SlotState.Owned, Uncompared: true }) || HasCompared(s.Mover(0)) || HasCompared(s.Mover(1))
            || IsAtTarget(s.Writer(0)) || IsAtTarget(s.Writer(1)))
            return;
        if (s.TargetA != Rows.Absent && s.KeptA == 0)
            reach("somebody deletes A at the target", s with { TargetA = Rows.Absent, Damaged = 1, WasDamaged = true });
        if (s.TargetB != Rows.Absent && s.KeptB == 0)
            reach("somebody deletes B at the target", s with { TargetB = Rows.Absent, Damaged = 2, WasDamaged = true });
    }

    private static bool HasCompared(MoverMemory mover) => mover.Step == ModelStep.MarkCompared;

    /// <summary>The whole of another move from target to source. It cannot begin before this one is out of the journal.</summary>
    private bool MayMoveBack(ModelState s) =>
        s is { Target: SlotState.Owned, Source: SlotState.Released, WentBack: false } && bounds.IsSetBack && s.MustA != Rows.Residue
            && s.MustB != Rows.Residue
        && (s.Phase is null || (bug == KnownBug.MoveBackDuringTheMove && s.Phase >= MovePhase.Owned))
        && (s.Loss is not (Loss.ImageOfSource or Loss.ImageOfTarget) || bug == KnownBug.FollowsAfterMoveBack);

    /// <summary>Its freeze waits for writers, as every one does.</summary>
    private static bool IsAtTarget(WriterStep step) => step is WriterStep.LockedAtTarget or WriterStep.OpenAtTarget;

    private static ModelState MoveBack(ModelState s)
    {
        // It publishes only if the ring does not say so already.
        var publishes = s.RingSaysTarget;
        return s with
        {
            WentBack = true,
            Source = SlotState.Owned,
            Held = false,
            SourceEpoch = s.TargetEpoch + 1,
            SourceA = Rows.WriteOf(0, s.MustA),
            SourceB = Rows.WriteOf(1, s.MustB),
            Cleaned = false,
            Target = SlotState.Released,
            TargetEpoch = s.TargetEpoch + 1,
            TargetA = Rows.Absent,
            TargetB = Rows.Absent,
            RingSaysTarget = false,
            RingEpoch = publishes ? s.TopEpoch + 1 : s.RingEpoch,
            TopEpoch = publishes ? s.TopEpoch + 1 : s.TopEpoch,
        };
    }
}
