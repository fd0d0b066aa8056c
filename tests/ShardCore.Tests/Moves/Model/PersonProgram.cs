namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// BatchSettlement, by somebody who says which copy of a disputed batch is right; he may be interrupted, come again, and say the other.
/// Afterwards he ends an import that no journal has, as <c>doctor</c> tells him (AbandonedImport).
/// </summary>
internal sealed class PersonProgram(KnownBug bug, int maxAttempts)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);

    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        if (s.PersonStep is not (PersonStep.Idle or PersonStep.Finished))
            reach("is interrupted", Idle(s));
        if (s.PersonStep is PersonStep.Idle or PersonStep.Finished)
            Choose(s, reach);
        else if (s.PersonStep <= PersonStep.Settle)
            KeepTarget(s, reach);
        else if (s.PersonStep <= PersonStep.DropPublications)
            KeepSource(s, reach);
        else
            EndImport(s, reach);
    }

    private void Choose(ModelState s, Action<string, ModelState> reach)
    {
        var known = Math.Max(Math.Max(s.Attempt, s.Import), s.ImportOver);
        if (s.Disputed)
            reach("says that the target is right", s with { PersonStep = PersonStep.AskForTarget });
        if (s.Disputed && known + 2 <= maxAttempts)
            reach("says that the source is right", s with { PersonStep = PersonStep.AskForSource });
        if (s is { Phase: null, TakenBack: true, PersonStep: PersonStep.Idle } && s.Import != 0 && known + 1 <= maxAttempts)
            reach("ends an import that no journal has", s with { PersonStep = PersonStep.ImportAgain, PersonAttempt = known + 1 });
    }

    private void KeepTarget(ModelState s, Action<string, ModelState> reach)
    {
        switch (s.PersonStep)
        {
            case PersonStep.AskForTarget:
                var word = TargetFunctions.Word(s);
                reach("asks the target", s with
                {
                    PersonStep = word.IsOwned ? PersonStep.Settle : PersonStep.ImportKeep,
                    PersonAttempt = Math.Max(word.Attempt, s.Attempt),
                    PersonEpoch = s.SourceEpoch,
                });
                break;
            case PersonStep.ImportKeep:
                Call("import_keep", s, _target.ImportKeep(s, s.PersonAttempt, s.PersonEpoch), PersonStep.Settle, reach);
                break;
            case PersonStep.Settle:
                Call("move_settle", s, SourceFunctions.Settle(s), PersonStep.Idle, reach);
                break;
        }
    }

    private void KeepSource(ModelState s, Action<string, ModelState> reach)
    {
        var isWrongOrder = bug == KnownBug.SettleSourceBeforeTargetStopped;
        switch (s.PersonStep)
        {
            case PersonStep.AskForSource:
                var word = TargetFunctions.Word(s);
                reach("asks the target", s with
                {
                    PersonStep = isWrongOrder ? PersonStep.TakeBack : PersonStep.GiveBack,
                    PersonAttempt = Math.Max(word.Attempt, s.Attempt) + 1,
                    PersonEpoch = Math.Max(s.SourceEpoch, s.TargetEpoch) + 1,
                });
                break;
            case PersonStep.GiveBack:
                Call("import_give_back", s, _target.ImportGiveBack(s, s.PersonAttempt, s.PersonEpoch), isWrongOrder
                    ? PersonStep.PublishBack : PersonStep.TakeBack, reach);
                break;
            case PersonStep.TakeBack:
                Call("move_take_back", s, SourceFunctions.TakeBack(s, s.PersonEpoch), isWrongOrder ? PersonStep.GiveBack
                    : PersonStep.PublishBack, reach);
                break;
            case PersonStep.PublishBack:
                var publishes = s.RingSaysTarget || bug != KnownBug.PublishBackOnlyIfRingDiffers;
                reach("publishes the ring", s with
                {
                    PersonStep = PersonStep.DropPublications,
                    RingSaysTarget = false,
                    RingEpoch = publishes ? s.TopEpoch + 1 : s.RingEpoch,
                    TopEpoch = publishes ? s.TopEpoch + 1 : s.TopEpoch,
                });
                break;
            case PersonStep.DropPublications:
                reach("drops publications", _source.DropPublications(s, s.PersonAttempt) with
                {
                    PersonStep = PersonStep.ImportAgain,
                    PersonAttempt = s.PersonAttempt + 1,
                    PersonEpoch = 1
                });
                break;
        }
    }

    private void EndImport(ModelState s, Action<string, ModelState> reach)
    {
        switch (s.PersonStep)
        {
            case PersonStep.ImportAgain:
                Call("import_begin", s, _target.ImportBegin(s, s.PersonAttempt), PersonStep.Purge, reach);
                break;
            case PersonStep.Purge:
                reach("import_purge", _target.ImportPurge(s, s.PersonAttempt).State with { PersonStep = PersonStep.CancelImport });
                break;
            case PersonStep.CancelImport:
                var isWhole = s.PersonEpoch == 1;
                reach("import_cancel", _target.ImportCancel(s, s.PersonAttempt).State with
                {
                    PersonStep = isWhole ? PersonStep.Finished
                    : PersonStep.Idle,
                    PersonAttempt = 0,
                    PersonEpoch = 0
                });
                break;
        }
    }

    /// <summary>Waiting for a lock is no step; an error, or an answer that nothing was done, ends his command.</summary>
    private static void Call(string name, ModelState before, SqlAnswer answer, PersonStep next, Action<string, ModelState> reach)
    {
        if (!answer.MustWait)
            reach(name, !answer.Succeeded ? Idle(before) : answer.Value == 0 || next == PersonStep.Idle ? Idle(answer.State)
                : answer.State with { PersonStep = next });
    }

    private static ModelState Idle(ModelState s) => s with { PersonStep = PersonStep.Idle, PersonAttempt = 0, PersonEpoch = 0 };
}
