using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What BatchMover does behind the point of no return.</summary>
internal sealed class HandOverProgram(KnownBug bug)
{
    private readonly SourceFunctions _source = new(bug);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        switch (me.Step)
        {
            case ModelStep.Own:
                var owned = TargetFunctions.ImportOwn(s, me.Attempt, s.SourceEpoch);
                reach("import_own", owned.Value == 1 ? owned.State.Go(mover, ModelStep.AdvanceOwned) : Again(s, mover)); // another mover has done it
                break;
            case ModelStep.AdvanceOwned:
                reach("advances to owned", Again(SourceFunctions.Advance(s, MovePhase.Released, MovePhase.Owned).State, mover));
                break;
            case ModelStep.ReadRing or ModelStep.LookAgain or ModelStep.PublishRing:
                Publish(s, mover, me, reach);
                break;
            case ModelStep.AdvancePublished:
                reach("advances to published", Again(SourceFunctions.Advance(s, MovePhase.Owned, MovePhase.Published).State, mover));
                break;
            case ModelStep.VerifyDropPublications:
                reach("drops publications", (bug == KnownBug.CleanWhilePublicationStands ? s : _source.DropPublications(s, me.Attempt)).Go(mover, ModelStep.AdvanceVerified));
                break;
            case ModelStep.AdvanceVerified:
                reach("advances to verified", Again(SourceFunctions.Advance(s, MovePhase.Published, MovePhase.Verified).State, mover));
                break;
            case ModelStep.Clean:
                var cleaned = _source.Clean(s);
                reach("move_clean", cleaned.State.Go(mover, cleaned.Value > 0 ? ModelStep.Clean : ModelStep.FinishDropPublications));
                break;
            case ModelStep.FinishDropPublications:
                reach("drops publications", _source.DropPublications(s, me.Attempt).Go(mover, ModelStep.FinishImport));
                break;
            case ModelStep.FinishImport:
                reach("import_finish", TargetFunctions.ImportFinish(s).State.Go(mover, ModelStep.FinishMove));
                break;
            case ModelStep.FinishMove:
                var finished = _source.Finish(s);
                reach("move_finish", finished.Value == 1 ? Again(finished.State, mover) : s.Go(mover, ModelStep.Clean));
                break;
        }
    }

    /// <summary>RingPublication.PublishAsync: read, ask the source, compare and set.</summary>
    private void Publish(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var done = s.With(mover, me with { Step = ModelStep.AdvancePublished, RingSeen = 0 });
        if (me.Step == ModelStep.ReadRing)
        {
            var next = bug == KnownBug.PublishesWithoutLookingAgain ? ModelStep.PublishRing : ModelStep.LookAgain;
            reach("reads the ring", s.RingSaysTarget ? done : s.With(mover, me with { Step = next, RingSeen = s.RingEpoch }));
        }
        else if (me.Step == ModelStep.LookAgain)
        {
            var isOurs = s is { Source: SlotState.Released, Held: true };
            reach("asks the source whose the slot is", isOurs ? s.Go(mover, ModelStep.PublishRing) : done);
        }
        else if (s.RingEpoch == me.RingSeen)
        {
            reach("publishes the ring", done with { RingSaysTarget = true, RingEpoch = s.TopEpoch + 1, TopEpoch = s.TopEpoch + 1 });
        }
        else
        {
            reach("finds another ring", s.With(mover, me with { Step = ModelStep.ReadRing, RingSeen = 0 }));
        }
    }

    private static ModelState Again(ModelState s, int mover) => s.With(mover, new MoverMemory { Step = ModelStep.Look });
}
