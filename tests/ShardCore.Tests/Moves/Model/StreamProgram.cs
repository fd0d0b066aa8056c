using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>From the replication slot until the target owns: the stream is open, and brings changes in the background.</summary>
internal sealed class StreamProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly SourceFunctions _source = new(bug);
    private readonly TargetFunctions _target = new(bug);
    private readonly ChangeProgram _changes = new(bug);
    private readonly Standbys _standbys = new(bug, bounds);

    public void Next(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.Step is ModelStep.CatchUp or ModelStep.FreezeMarked or (>= ModelStep.Seal and <= ModelStep.Release)
            && Takeover.IsOver(s, me, bug))
        {
            reach("finds its attempt over", s.WithDead(mover));
            return;
        }
        if (me.Applies)
            _changes.Apply(s, mover, reach);
        if (me.Step <= ModelStep.Drain)
            Bring(s, mover, me, reach);
        else if (me.Step <= ModelStep.Release)
            GiveAway(s, mover, me, reach);
        else
            OwnAtOnce(s, mover, me, reach);
    }

    private void Bring(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        switch (me.Step)
        {
            case ModelStep.OpenStream:
                reach("opens its stream", s.With(mover, me with { Step = ModelStep.Copy, AppliedA = s.SourceA, AppliedB = s.SourceB }));
                break;
            case ModelStep.Copy:
                MoverProgram.Call("copies", s, _changes.Copy(s, me), mover, ModelStep.CatchUp, reach);
                break;
            case ModelStep.CatchUp when bug == KnownBug.MarkerBeforeFreeze:
                reach("takes a marker", s.With(mover, me with
                {
                    Step = ModelStep.FreezeMarked,
                    MarkerA = s.SourceA,
                    MarkerB = s.SourceB
                }));
                break;
            case ModelStep.CatchUp when !HasLostTarget(s, me): // it flushes on that session first
                MoverProgram.Call("freezes", s, Marked(_source.Freeze(s, me.Attempt), mover), mover, ModelStep.Drain, reach);
                break;
            case ModelStep.FreezeMarked:
                MoverProgram.Call("freezes", s, _source.Freeze(s, me.Attempt), mover, ModelStep.Drain, reach);
                break;
            case ModelStep.Drain:
                if (me.AppliedA >= me.MarkerA && me.AppliedB >= me.MarkerB)
                    reach("sees its marker", s.Go(mover, ModelStep.Seal));
                GiveFreezeUp(s, mover, me, reach);
                break;
        }
    }

    private void GiveAway(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        if (me.Step < ModelStep.Release)
            GiveFreezeUp(s, mover, me, reach);
        switch (me.Step)
        {
            case ModelStep.Seal when !HasLostTarget(s, me):
                MoverProgram.Call("import_seal", s, _target.ImportSeal(s, me.Attempt, me.Seal), mover, bounds.IsStreaming
                    ? ModelStep.WaitForSeal : ModelStep.Release, reach);
                break;
            case ModelStep.WaitForSeal when _standbys.HaveSeal(s) && !HasLostTarget(s, me):
                reach("sees that the target's standbys are level", s.Go(mover, ModelStep.Release));
                break;
            case ModelStep.Release when bug == KnownBug.OwnBeforeRelease && s.Target == SlotState.Importing:
                MoverProgram.Call("import_own", s, _target.ImportOwn(s, me.Attempt, s.SourceEpoch + 1, me.Seal), mover, ModelStep.Release,
                    reach);
                break;
            case ModelStep.Release:
                MoverProgram.Call("move_release", s, Remembering(_source.Release(s, me.Attempt, me.Seal), mover), mover,
                    bounds.IsStreaming ? ModelStep.WaitForRelease : ModelStep.OwnAtOnce, reach);
                break;
        }
    }

    /// <summary>The target becomes the owner before anything else is done, the stream included, which is still open.</summary>
    private void OwnAtOnce(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var closed = new MoverMemory { Step = ModelStep.Off, HandedOver = bug == KnownBug.RetryComparesOnlyWhatIsThere };
        switch (me.Step)
        {
            case ModelStep.WaitForRelease when !_standbys.IsReleased(s, me):
                reach("sees that the source lost the release", s.With(mover, closed));
                break;
            case ModelStep.WaitForRelease when _standbys.HaveRelease(s):
                reach("sees that the source's standbys are level", s.Go(mover, ModelStep.OwnAtOnce));
                break;
            case ModelStep.OwnAtOnce:
                var owned = _target.ImportOwn(s, me.Attempt, me.Epoch, me.Seal);
                if (owned.Succeeded)
                    reach("import_own", owned.Value == 1 ? owned.State.Go(mover, ModelStep.AdvanceAtOnce)
                        : s.With(mover, new MoverMemory { Step = ModelStep.DisputeReleased }));
                break;
            case ModelStep.AdvanceAtOnce:
                reach("advances to owned, and closes its stream", SourceFunctions.Advance(s, MovePhase.Released,
                    MovePhase.Owned).State.With(mover, closed));
                break;
        }
    }

    /// <summary>The session that flushes and seals has ended.</summary>
    private static bool HasLostTarget(ModelState s, MoverMemory me) => me.LostSession && s.Loss == Loss.TargetTookOver;

    /// <summary>The marker is in the same transaction as the freeze.</summary>
    private static SqlAnswer Marked(SqlAnswer frozen, int mover) => !frozen.Succeeded ? frozen : frozen with
    {
        State = frozen.State.With(mover, frozen.State.Mover(mover) with
        {
            MarkerA = frozen.State.SourceA,
            MarkerB = frozen.State.SourceB
        }),
    };

    /// <summary>The batch's epoch comes with the release.</summary>
    private static SqlAnswer Remembering(SqlAnswer released, int mover) => !released.Succeeded ? released : released with
    {
        State = released.State.With(mover, released.State.Mover(mover) with { Epoch = released.State.SourceEpoch }),
    };

    /// <summary>The target, or a standby of it, was not level in time; or the session there has ended, and the mover with it.</summary>
    private static void GiveFreezeUp(ModelState s, int mover, MoverMemory me, Action<string, ModelState> reach)
    {
        var thawed = SourceFunctions.Unfreeze(s, me.Attempt);
        if (thawed.MustWait)
            return;
        var goesOn = thawed.Value == 1 && !HasLostTarget(s, me);
        reach("move_unfreeze", goesOn ? thawed.State.With(mover, me with { Step = ModelStep.CatchUp, MarkerA = 0, MarkerB = 0 })
            : thawed.State.WithDead(mover));
    }
}
