using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>What BatchMover does, one transaction at a time. A process that sleeps is one that is not chosen; it can die at every step.</summary>
internal sealed class MoverProgram(KnownBug bug, int maxAttempts)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);
    private readonly StreamProgram _stream = new(bug);
    private readonly HandOverProgram _handOver = new(bug);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.Step != ModelStep.Off)
            reach("dies", s.WithDead(mover));
        if (me.Applies)
            _stream.Apply(s, mover, reach);
        if (me.Step < ModelStep.OpenStream)
            Prepare(s, mover, me, reach);
        else if (me.Step <= ModelStep.Released)
            Stream(s, mover, me, reach);
        else
            _handOver.Next(s, mover, reach);
    }

    /// <summary>BatchMover.RunAsync's loop: the phase decides, and what is read with it is all that is remembered.</summary>
    private static ModelState Decide(ModelState s, int mover) => s.With(mover, MoveDecision.Next(s.Phase) switch
    {
        MoveWork.CopyAndRelease => new MoverMemory { Step = ModelStep.Begin },
        MoveWork.Own => new MoverMemory { Step = ModelStep.Own, Attempt = s.Attempt },
        MoveWork.Publish => new MoverMemory { Step = ModelStep.ReadRing },
        MoveWork.Verify => new MoverMemory { Step = ModelStep.VerifyDropPublications, Attempt = s.Attempt },
        MoveWork.CleanAndFinish => new MoverMemory { Step = ModelStep.Clean, Attempt = s.Attempt },
        _ => default(MoverMemory),
    });

    private void Prepare(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.Off when s.Phase is not null:
                reach("starts", s.Go(mover, ModelStep.Look));
                break;
            case ModelStep.Look:
                reach("looks", Decide(s, mover));
                break;
            case ModelStep.Begin when s.Attempt < maxAttempts:
                Begin(s, mover, force: false, reach);
                Begin(s, mover, force: true, reach);
                break;
            case ModelStep.Import:
                Call("import_begin", s, _target.ImportBegin(s, me.Attempt), mover, ModelStep.Purge, reach);
                break;
            case ModelStep.Purge:
                Call("import_purge", s, _target.ImportPurge(s, me.Attempt), mover, ModelStep.DropPublications, reach);
                break;
            case ModelStep.DropPublications:
                reach("drops publications", _source.DropPublications(s, me.Attempt).Go(mover, ModelStep.CreatePublication));
                break;
            case ModelStep.CreatePublication:
                Call("creates its publication", s, SourceFunctions.CreatePublication(s, me.Attempt), mover, ModelStep.OpenStream, reach);
                break;
        }
    }

    private void Stream(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.OpenStream:
                reach("opens its stream", s.With(mover, me with { Step = ModelStep.Copy, AppliedA = s.SourceA, AppliedB = s.SourceB }));
                break;
            case ModelStep.Copy:
                Call("copies", s, _stream.Copy(s, me), mover, ModelStep.CatchUp, reach);
                break;
            case ModelStep.CatchUp when bug == KnownBug.MarkerBeforeFreeze:
                reach("takes a marker", s.With(mover, me with { Step = ModelStep.FreezeMarked, MarkerA = s.SourceA, MarkerB = s.SourceB }));
                break;
            case ModelStep.CatchUp:
                Call("freezes", s, Marked(_source.Freeze(s, me.Attempt), mover), mover, ModelStep.Drain, reach);
                break;
            case ModelStep.FreezeMarked:
                Call("freezes", s, _source.Freeze(s, me.Attempt), mover, ModelStep.Drain, reach);
                break;
            case ModelStep.Drain:
                if (me.AppliedA >= me.MarkerA && me.AppliedB >= me.MarkerB)
                    reach("sees its marker", s.Go(mover, ModelStep.Release));
                GiveFreezeUp(s, mover, me, reach);
                break;
            case ModelStep.Release when bug == KnownBug.OwnBeforeRelease && s.Target == SlotState.Importing:
                Call("import_own", s, TargetFunctions.ImportOwn(s, me.Attempt, s.SourceEpoch + 1), mover, ModelStep.Release, reach);
                break;
            case ModelStep.Release:
                Call("move_release", s, _source.Release(s, me.Attempt), mover, ModelStep.Released, reach);
                break;
            case ModelStep.Released:
                reach("closes its stream", s.With(mover, new MoverMemory { Step = ModelStep.Look }));
                break;
        }
    }

    /// <summary>The marker is in the same transaction as the freeze.</summary>
    private static SqlAnswer Marked(SqlAnswer frozen, int mover) => !frozen.Succeeded ? frozen : frozen with
    {
        State = frozen.State.With(mover, frozen.State.Mover(mover) with { MarkerA = frozen.State.SourceA, MarkerB = frozen.State.SourceB }),
    };

    /// <summary>Waiting for a lock is no step; an error ends the process.</summary>
    private static void Call(string name, ModelState before, SqlAnswer answer, int mover, ModelStep next, Action<string, ModelState> reach)
    {
        if (answer.SqlState != SqlAnswer.Waiting)
            reach(name, answer.Succeeded ? answer.State.Go(mover, next) : before.WithDead(mover));
    }

    private static void Begin(ModelState s, int mover, bool force, Action<string, ModelState> reach)
    {
        var begun = SourceFunctions.Begin(s, force);
        if (begun.SqlState != SqlAnswer.Waiting)
            reach(
                force ? "move_begin by force" : "move_begin",
                begun.Succeeded ? begun.State.With(mover, new MoverMemory { Step = ModelStep.Import, Attempt = begun.Value }) : s.WithDead(mover));
    }

    /// <summary>The target was not level in time.</summary>
    private static void GiveFreezeUp(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var thawed = SourceFunctions.Unfreeze(s, me.Attempt);
        if (thawed.SqlState != SqlAnswer.Waiting)
            reach("move_unfreeze", thawed.Value == 1 ? thawed.State.With(mover, me with { Step = ModelStep.CatchUp, MarkerA = 0, MarkerB = 0 }) : s.WithDead(mover));
    }
}
