using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>BatchMover.CancelAsync, run once by somebody who takes no notice of the movers.</summary>
internal sealed class CancellerProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);

    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        var attempt = s.CancellerAttempt;
        switch (s.CancellerStep)
        {
            case CancellerStep.Ask when MoveDecision.MayCancel(s.Phase):
                reach("asks the target", Asked(s));
                break;
            case CancellerStep.Follow:
                Call("move_follow", SourceFunctions.Follow(s, attempt, s.CancellerEpoch), CancellerStep.Done);
                break;
            case CancellerStep.Begin when bounds.MayBegin(s, attempt, bug):
                var begun = SourceFunctions.Begin(s, force: true, bounds.LeastAttempt(s, attempt, bug));
                if (!begun.MustWait)
                    reach("move_begin", begun.State with
                    {
                        CancellerStep = begun.Succeeded ? CancellerStep.Import : CancellerStep.Done,
                        CancellerAttempt = begun.Value
                    });
                break;
            case CancellerStep.Import:
                Call("import_begin", _target.ImportBegin(s, attempt), CancellerStep.Purge);
                break;
            case CancellerStep.Purge:
                Call("import_purge", _target.ImportPurge(s, attempt), CancellerStep.CancelImport);
                break;
            case CancellerStep.CancelImport:
                Call("import_cancel", _target.ImportCancel(s, attempt), CancellerStep.DropPublications);
                break;
            case CancellerStep.DropPublications:
                reach("drops publications", _source.DropPublications(s, attempt) with { CancellerStep = CancellerStep.CancelMove });
                break;
            case CancellerStep.CancelMove when s.CancellerIsOver && bug != KnownBug.AttemptOutlivesItsServer:
                reach("finds its attempt over", s with
                {
                    CancellerStep = CancellerStep.Done,
                    CancellerAttempt = 0,
                    CancellerIsOver = false
                });
                break;
            case CancellerStep.CancelMove:
                Call("move_cancel", _source.Cancel(s, attempt), CancellerStep.Done);
                break;
        }

        void Call(string name, SqlAnswer answer, CancellerStep next)
        {
            if (answer.MustWait)
                return;
            var goesOn = answer.Succeeded && (answer.Value == 1 || next == CancellerStep.CancelImport) && next != CancellerStep.Done;
            reach(name, answer.State with
            {
                CancellerStep = goesOn ? next : CancellerStep.Done,
                CancellerAttempt = goesOn ? attempt : 0,
                CancellerEpoch = 0,
                CancellerIsOver = goesOn && s.CancellerIsOver
            });
        }
    }

    private ModelState Asked(ModelState s)
    {
        var word = bug == KnownBug.ThawsAfterLostRelease ? default : TargetFunctions.Word(s);
        return s with
        {
            CancellerStep = word.IsOwned ? CancellerStep.Follow : CancellerStep.Begin,
            CancellerAttempt = word.Attempt,
            CancellerEpoch = word.IsOwned ? word.Epoch : 0
        };
    }
}
