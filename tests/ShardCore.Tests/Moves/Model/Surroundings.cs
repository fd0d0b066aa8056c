using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What happens to a move from outside: time passes, Redis is set back, the source crashes after it cleaned, and the slot moves back once the move is done.</summary>
internal sealed class Surroundings(KnownBug bug)
{
    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        if (s is { Phase: MovePhase.Frozen, Expired: false })
            reach("the freeze's deadline passes", s with { Expired = true });
        if (s is { WasSetBack: false, RingEpoch: > 0 })
            reach("Redis is set back to its first ring", s with { WasSetBack = true, RingEpoch = 0, RingSaysTarget = false });
        if (s is { Phase: MovePhase.Verified, Cleaned: true })
            reach("the source crashes, and its deletions were not on disk", s with { Cleaned = false });
        if (s is { Target: SlotState.Owned, Source: SlotState.Released, WentBack: false } && MayMoveBack(s) && !IsAtTarget(s.Writer(0)) && !IsAtTarget(s.Writer(1)))
            reach("the slot is moved back", MoveBack(s));
    }

    /// <summary>The whole of another move from target to source. It cannot begin before this one is out of the journal.</summary>
    private bool MayMoveBack(ModelState s) => s.Phase is null || (bug == KnownBug.MoveBackDuringTheMove && s.Phase >= MovePhase.Owned);

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
            SourceA = s.AcknowledgedA,
            SourceB = s.AcknowledgedB,
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
