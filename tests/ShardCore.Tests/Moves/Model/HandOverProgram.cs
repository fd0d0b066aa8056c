using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What BatchMover does behind the point of no return, until the ring names the target.</summary>
internal sealed class HandOverProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly TargetFunctions _target = new(bug);
    private readonly Standbys _standbys = new(bug, bounds);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.Step <= ModelStep.DisputeReleased)
            Own(s, mover, me, reach);
        else
            Publish(s, mover, me, reach);
    }

    /// <summary>Looks at the journal again, and forgets the rest.</summary>
    public static ModelState Again(ModelState s, int mover) => s.With(mover, new MoverMemory { HandedOver = s.Mover(mover).HandedOver });

    /// <summary>A mover that has made a dispute of it ends; one that is too late looks again.</summary>
    public static void Dispute(ModelState s, int mover, MovePhase phase, Action<string, ModelState> reach)
    {
        var disputed = SourceFunctions.Dispute(s, phase);
        reach("move_dispute", disputed.Value == 1 ? disputed.State.WithDead(mover) : Again(s, mover));
    }

    /// <summary>OwnershipCheck.OwnedWordAsync.</summary>
    public static bool Owns(ModelState s, MoverMemory me) => TargetFunctions.Word(s) is { IsOwned: true } word && word.Epoch == me.Epoch;

    private void Own(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.WaitBeforeOwning when !_standbys.IsReleased(s, me):
                reach("sees that the source is elsewhere", Again(s, mover));
                break;
            case ModelStep.WaitBeforeOwning when _standbys.HaveRelease(s):
                reach("sees that the source's standbys are level", s.Go(mover, ModelStep.Own));
                break;
            case ModelStep.Own:
                var owned = _target.ImportOwn(s, me.Attempt, me.Epoch, me.Seal);
                if (owned.Succeeded)
                    reach("import_own", owned.Value == 1 ? owned.State.Go(mover, ModelStep.AdvanceOwned)
                        : s.Go(mover, ModelStep.DisputeReleased));
                break;
            case ModelStep.AdvanceOwned:
                reach("advances to owned", Again(SourceFunctions.Advance(s, MovePhase.Released, MovePhase.Owned).State, mover));
                break;
            case ModelStep.DisputeReleased:
                Dispute(s, mover, MovePhase.Released, reach);
                break;
        }
    }

    /// <summary>RingPublication.PublishAsync: read, ask the source, compare and set.</summary>
    private void Publish(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var done = s.With(mover, me with { Step = ModelStep.AdvancePublished, RingSeen = 0 });
        switch (me.Step)
        {
            case ModelStep.AskBeforePublishing:
                reach("asks the target", s.Go(mover, Owns(s, me) ? ModelStep.ReadRing : ModelStep.DisputeOwned));
                break;
            case ModelStep.ReadRing:
                var next = bug == KnownBug.PublishesWithoutLookingAgain ? ModelStep.PublishRing : ModelStep.LookAgain;
                reach("reads the ring", s.RingSaysTarget ? done : s.With(mover, me with { Step = next, RingSeen = s.RingEpoch }));
                break;
            case ModelStep.LookAgain:
                var isOurs = s is { Source: SlotState.Released, Held: true };
                reach("asks the source whose the slot is", isOurs ? s.Go(mover, ModelStep.PublishRing)
                    : bug == KnownBug.AdvancesWithoutPublishing ? done : Again(s, mover));
                break;
            case ModelStep.PublishRing when s.RingEpoch == me.RingSeen:
                reach("publishes the ring", done with { RingSaysTarget = true, RingEpoch = s.TopEpoch + 1, TopEpoch = s.TopEpoch + 1 });
                break;
            case ModelStep.PublishRing:
                reach("finds another ring", s.With(mover, me with { Step = ModelStep.ReadRing, RingSeen = 0 }));
                break;
            case ModelStep.AdvancePublished:
                reach("advances to published", Again(SourceFunctions.Advance(s, MovePhase.Owned, MovePhase.Published).State, mover));
                break;
            case ModelStep.DisputeOwned:
                Dispute(s, mover, MovePhase.Owned, reach);
                break;
        }
    }
}
