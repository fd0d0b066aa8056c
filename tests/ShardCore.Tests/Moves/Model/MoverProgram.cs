using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// What BatchMover does, one transaction at a time. A process that sleeps is one that is not chosen; it can die at every step.
/// </summary>
internal sealed class MoverProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);
    private readonly StreamProgram _stream = new(bug, bounds);
    private readonly HandOverProgram _handOver = new(bug, bounds);
    private readonly CleaningProgram _cleaning = new(bug, bounds);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.Step != ModelStep.Off)
            reach("dies", s.WithDead(mover));
        if (me.Step < ModelStep.OpenStream)
            Prepare(s, mover, me, reach);
        else if (me.Step <= ModelStep.AdvanceAtOnce)
            _stream.Next(s, mover, reach);
        else if (me.Step < ModelStep.VerifyDropPublications)
            _handOver.Next(s, mover, reach);
        else
            _cleaning.Next(s, mover, reach);
    }

    /// <summary>Waiting for a lock is no step; an error ends the process.</summary>
    public static void Call(string name, ModelState before, SqlAnswer answer, int mover, ModelStep next, Action<string, ModelState> reach)
    {
        if (!answer.MustWait)
            reach(name, answer.Succeeded ? answer.State.Go(mover, next) : before.WithDead(mover));
    }

    /// <summary>BatchMover.RunAsync's loop: the journal's row decides, and what is read with it is all that is remembered.</summary>
    private ModelState Decide(ModelState s, int mover)
    {
        var isFirst = s.Mover(mover).HandedOver && bug == KnownBug.RetryComparesOnlyWhatIsThere;
        var batch = new MoverMemory { Attempt = s.Attempt, Epoch = s.SourceEpoch, IsSettled = s.Settled, HandedOver = isFirst };
        return s.With(mover, MoveDecision.Next(s.Phase, s.Disputed) switch
        {
            MoveWork.CopyAndRelease => bug == KnownBug.ThawsAfterLostRelease ? new MoverMemory { Step = ModelStep.Begin }
                : new MoverMemory { Step = ModelStep.AskWord },
            MoveWork.Own => batch with
            {
                Step = bounds.IsStreaming ? ModelStep.WaitBeforeOwning : ModelStep.Own,
                MarkerA = s.SourceSeal >> 1 & 3,
                MarkerB = s.SourceSeal >> 3
            },
            MoveWork.Publish => batch with { Step = bounds.MayLose ? ModelStep.AskBeforePublishing : ModelStep.ReadRing },
            MoveWork.Verify => batch with { Step = ModelStep.VerifyDropPublications, IsFollowing = s.SourceSeal == 0 },
            MoveWork.CleanAndFinish => batch with
            {
                Step = bounds.MayLose && bug != KnownBug.CleanWithoutAskingTheTarget
                ? ModelStep.AskBeforeCleaning : ModelStep.Clean
            },
            _ => default(MoverMemory),
        });
    }

    private void Prepare(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.Off when s.Phase is not null && !s.Disputed:
                reach("looks", Decide(s, mover));
                break;
            case ModelStep.AskWord:
                var word = TargetFunctions.Word(s);
                var (step, epoch) = word.IsOwned ? (ModelStep.Follow, word.Epoch) : (ModelStep.Begin, 0);
                reach("asks the target", s.With(mover, new MoverMemory { Step = step, Attempt = word.Attempt, Epoch = epoch }));
                break;
            case ModelStep.Follow:
                var followed = SourceFunctions.Follow(s, me.Attempt, me.Epoch);
                if (!followed.MustWait)
                    reach("move_follow", followed.State.WithDead(mover));
                break;
            case ModelStep.Begin when bounds.MayBegin(s, me.Attempt, bug):
                Begin(s, mover, me.Attempt, force: false, reach);
                Begin(s, mover, me.Attempt, force: true, reach);
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
            case ModelStep.CreatePublication when Takeover.IsOver(s, me, bug):
                reach("finds its attempt over", s.WithDead(mover));
                break;
            case ModelStep.CreatePublication:
                Call("creates its publication", s, SourceFunctions.CreatePublication(s, me.Attempt), mover, ModelStep.OpenStream, reach);
                break;
        }
    }

    private void Begin(ModelState s, int mover, int known, bool force, Action<string, ModelState> reach)
    {
        var begun = SourceFunctions.Begin(s, force, bounds.LeastAttempt(s, known, bug));
        if (!begun.MustWait)
            reach(
                force ? "move_begin by force" : "move_begin",
                begun.Succeeded ? begun.State.With(mover, new MoverMemory { Step = ModelStep.Import, Attempt = begun.Value })
                    : s.WithDead(mover));
    }
}
