namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// One shard loses its last commits, once: a standby that had stopped receiving takes over, or a backup is restored. From some
/// commit on the image stays behind; at some later moment it becomes the shard.
/// </summary>
/// <remarks>
/// Not modelled: a shard that loses what it knew of a move back to where the slot came from (see
/// <see cref="KnownBug.FollowsAfterMoveBack"/>), and a
/// backup that is restored within the moment between a mover's last question to the target and its next deletion at the source.
/// </remarks>
internal sealed class Takeover(KnownBug bug, ModelBounds bounds)
{
    /// <summary>The attempt was begun before the source lost commits. Its functions compare that too, so all of them refuse.</summary>
    public static bool IsOver(ModelState s, MoverMemory me, KnownBug bug) => me.LostSession && s.Loss == Loss.SourceTookOver
        && bug != KnownBug.AttemptOutlivesItsServer;

    /// <summary>
    /// The same step, of which the standby gets nothing, nor of any later one. An image is made only where it begins to differ.
    /// </summary>
    public ModelState? Missed(ModelState before, ModelState after) => (before.Loss, bounds.Loses) switch
    {
        _ when before.WentBack => null,
        (Loss.None, Loss.ImageOfSource) when before.AtSource != after.AtSource =>
            after with { Image = before.AtSource, Loss = Loss.ImageOfSource },
        (Loss.None, Loss.ImageOfTarget) when before.AtTarget != after.AtTarget =>
            after with { Image = before.AtTarget, Loss = Loss.ImageOfTarget },
        _ => null,
    };

    public void Next(ModelState s, Action<string, ModelState> reach)
    {
        if (s.WentBack && bug != KnownBug.FollowsAfterMoveBack)
            return;
        if (s.Loss == Loss.ImageOfSource)
            reach("the source's standby takes over", Source(s));
        else if (s.Loss == Loss.ImageOfTarget)
            reach("the target's standby takes over", Target(s));
    }

    private ModelState Source(ModelState s)
    {
        var after = s with { AtSource = s.Image, Image = 0, Loss = Loss.SourceTookOver };
        after = WithoutSessions(after, atSource: true);
        if (after.Phase is not null)
            after = after with { TakenBack = false };
        if (s.Target == SlotState.Owned) // its rows count
            return after with { LostRelease = after.Source != SlotState.Released };
        return after with
        {
            LostRelease = s.Source == SlotState.Released && after.Source != SlotState.Released,
            LostA = s.MustA == after.SourceRow(0) ? 0 : s.MustA + 1,
            LostB = s.MustB == after.SourceRow(1) ? 0 : s.MustB + 1,
            MustA = after.SourceRow(0),
            MustB = after.SourceRow(1),
        };
    }

    private ModelState Target(ModelState s)
    {
        var after = s with { AtTarget = s.Image, Image = 0, Loss = Loss.TargetTookOver };
        after = WithoutSessions(after, atSource: false);
        if (s.Target != SlotState.Owned)
            return after;
        if (after.Target == SlotState.Owned)
            return after with { MustA = after.TargetA, MustB = after.TargetB };
        // Nobody owns the slot now. The source's rows count, if they are there.
        var isGone = s.Cleaned || s.Phase is null;
        return after with
        {
            MustA = isGone ? after.TargetA : after.SourceRow(0),
            MustB = isGone ? after.TargetB : after.SourceRow(1),
            LastCopyIsGone = s.LastCopyIsGone || (isGone && bounds.IsStreaming),
        };
    }

    /// <summary>
    /// Open transactions, the stream, and the session that seals end. Sessions from a pool are made anew when they are next used.
    /// </summary>
    private ModelState WithoutSessions(ModelState s, bool atSource)
    {
        for (var writer = 0; writer < Rows.Count; writer++)
            if (s.Writer(writer) is var open and not WriterStep.Idle && atSource != open is WriterStep.LockedAtTarget or WriterStep.OpenAtTarget)
                s = s.With(writer, WriterStep.Idle);
        for (var mover = 0; mover < 2; mover++)
        {
            var me = s.Mover(mover);
            var losesStream = me.Step >= (atSource ? ModelStep.Copy : ModelStep.CatchUp) && me.Step <= ModelStep.Drain;
            var isCleaning = me.Step == ModelStep.Clean && !atSource && !bounds.IsStreaming;
            if (losesStream || isCleaning)
                s = s.WithDead(mover);
            else if (me.Step is >= ModelStep.Import and <= ModelStep.AdvanceAtOnce)
                s = s.With(mover, me with { LostSession = true, HasDeletions = false });
        }
        return atSource && s.CancellerStep is >= CancellerStep.Import and <= CancellerStep.CancelMove ? s with { CancellerIsOver = true }
            : s;
    }
}
