using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// What BatchMover does once the ring names the target: compare both sides, delete the source's rows, close the journal.
/// </summary>
internal sealed class CleaningProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly Standbys _standbys = new(bug, bounds);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.Step < ModelStep.AskBeforeCleaning)
            Verify(s, mover, me, reach);
        else if (me.Step < ModelStep.Clean)
            RequireSafeToClean(s, mover, me, reach);
        else
            Clean(s, mover, me, reach);
    }

    private void Verify(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.VerifyDropPublications:
                reach("drops publications", (bug == KnownBug.CleanWhilePublicationStands ? s
                    : _source.DropPublications(s, me.Attempt)).Go(mover, ModelStep.AskBeforeComparing));
                break;
            case ModelStep.AskBeforeComparing when !HandOverProgram.Owns(s, me):
                reach("asks the target", s.Go(mover, ModelStep.DisputePublished));
                break;
            case ModelStep.AskBeforeComparing:
                reach("asks the target", s.With(mover, me with
                {
                    Step = me.IsSettled ? ModelStep.AdvanceVerified : ModelStep.Compare,
                    WasCompared = TargetFunctions.Word(s).IsCompared
                }));
                break;
            case ModelStep.Compare:
                Compare(s, mover, me, reach);
                break;
            case ModelStep.AskAfterDifference:
                reach("asks the target again", TargetFunctions.Word(s).IsCompared == me.WasCompared
                    ? s.Go(mover, ModelStep.DisputePublished) : HandOverProgram.Again(s, mover));
                break;
            case ModelStep.DisputePublished:
                HandOverProgram.Dispute(s, mover, MovePhase.Published, reach);
                break;
            case ModelStep.MarkCompared:
                reach("import_compared", TargetFunctions.ImportCompared(s).State.Go(mover, ModelStep.AdvanceVerified));
                break;
            case ModelStep.AdvanceVerified when (s.SourceSeal == 0) != me.IsFollowing && bug != KnownBug.AdvanceForgetsWhatWasCompared:
                reach("finds that the source has followed since", HandOverProgram.Again(s, mover));
                break;
            case ModelStep.AdvanceVerified when _source.Verify(s) is { MustWait: false } verified:
                reach("advances to verified", HandOverProgram.Again(verified.State, mover));
                break;
        }
    }

    private void Compare(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var isSame = me.WasCompared ? !me.IsFollowing || !HasNewer(s) : IsSame(s, 0, me) && IsSame(s, 1, me);
        if (isSame || bug != KnownBug.RetryComparesOnlyWhatIsThere)
            reach(isSame ? "compares: the same" : "compares: different",
                s.Go(mover, isSame ? ModelStep.MarkCompared : ModelStep.AskAfterDifference));
        else
            reach("compares: different, and fails", s.WithDead(mover));
    }

    /// <summary>A row of the source that is newer than the target's release.</summary>
    private static bool HasNewer(ModelState s) => ((s.Strays & 1) != 0 && s.SourceRow(0) != Rows.Absent)
        || ((s.Strays & 2) != 0 && s.SourceRow(1) != Rows.Absent);

    private bool IsSame(ModelState s, int row, MoverMemory me) => bug switch
    {
        KnownBug.CompareWithoutBeforeImages => s.SourceRow(row) == s.TargetRow(row),
        KnownBug.RetryComparesOnlyWhatIsThere when !me.HandedOver => s.TargetRow(row) == Rows.Absent
            || s.SourceRow(row) == s.GivenRow(row),
        _ => s.SourceRow(row) == s.GivenRow(row),
    };

    private void RequireSafeToClean(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.AskBeforeCleaning when !HandOverProgram.Owns(s, me) || (!TargetFunctions.Word(s).IsCompared && !me.IsSettled):
                reach("asks the target", s.Go(mover, ModelStep.DisputeVerified));
                break;
            case ModelStep.AskBeforeCleaning when bug == KnownBug.WaitsAtWhoeverIsPrimary:
                reach("asks the target", s.Go(mover, ModelStep.WaitBeforeCleaning));
                break;
            case ModelStep.AskBeforeCleaning or ModelStep.WaitBeforeCleaning when _standbys.HaveOwnership(s):
                reach("sees that the target owns, and its standbys are level", s.Go(mover, ModelStep.Clean));
                break;
            case ModelStep.DisputeVerified:
                HandOverProgram.Dispute(s, mover, MovePhase.Verified, reach);
                break;
        }
    }

    private void Clean(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.Clean:
                if (SourceFunctions.Empty(s) is { Value: 1 } emptied)
                    reach("move_empty", emptied.State.Go(mover, ModelStep.FinishDropPublications));
                var cleaned = _source.Clean(s);
                reach("move_clean", cleaned.State.Go(mover, cleaned.Value > 0 ? ModelStep.Clean : ModelStep.FinishDropPublications));
                break;
            case ModelStep.FinishDropPublications:
                reach("drops publications", _source.DropPublications(s, me.Attempt).Go(mover, ModelStep.FinishImport));
                break;
            case ModelStep.FinishImport:
                reach("import_finish", TargetFunctions.ImportFinish(s).State.Go(mover, ModelStep.FinishMove));
                break;
            case ModelStep.FinishMove when _source.Finish(s) is { MustWait: false } finished:
                reach("move_finish", HandOverProgram.Again(finished.State, mover));
                break;
        }
    }
}
