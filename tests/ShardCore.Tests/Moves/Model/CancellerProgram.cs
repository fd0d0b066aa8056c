namespace ShardCore.Tests.Moves.Model;

/// <summary>BatchMover.CancelAsync, run once by somebody who takes no notice of the movers.</summary>
internal sealed class CancellerProgram(KnownBug bug, int maxAttempts)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);

    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        var attempt = s.CancellerAttempt;
        switch (s.CancellerStep)
        {
            case CancellerStep.Begin when s.Attempt < maxAttempts && s.Phase is not null:
                var begun = SourceFunctions.Begin(s, force: true);
                if (begun.SqlState != SqlAnswer.Waiting)
                    reach("move_begin", begun.State with { CancellerStep = begun.Succeeded ? CancellerStep.Import : CancellerStep.Done, CancellerAttempt = begun.Value });
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
            case CancellerStep.CancelMove:
                Call("move_cancel", _source.Cancel(s, attempt), CancellerStep.Done);
                break;
        }

        void Call(string name, SqlAnswer answer, CancellerStep next)
        {
            if (answer.SqlState == SqlAnswer.Waiting)
                return;
            var goesOn = answer.Succeeded && (answer.Value == 1 || next == CancellerStep.CancelImport) && next != CancellerStep.Done;
            reach(name, answer.State with { CancellerStep = goesOn ? next : CancellerStep.Done, CancellerAttempt = goesOn ? attempt : 0 });
        }
    }
}
