namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// write_items, with lock, check with write, and commit as steps of their own. A writer goes to either shard at any time:
/// the fence has to hold whatever ring a router has.
/// </summary>
internal sealed class WriterProgram(KnownBug bug, ModelBounds bounds)
{
    private readonly SourceFunctions _source = new(bug);

    public void Next(ModelState s, int writer, Action<string, ModelState> reach)
    {
        switch (s.Writer(writer))
        {
            case WriterStep.Idle when Used(s, writer) < bounds.WritesOf(writer):
                if (bug != KnownBug.LockAndCheckInOneStatement)
                    reach("locks at the source", s.With(writer, WriterStep.LockedAtSource));
                else if (s.Source == SlotState.Owned)
                    reach("checks at the source before it has the lock", s.With(writer, WriterStep.CheckedUnlocked));
                reach("locks at the target", s.With(writer, WriterStep.LockedAtTarget));
                break;
            case WriterStep.CheckedUnlocked:
                reach("gets the lock and writes", s.With(writer, WriterStep.OpenAtSource));
                break;
            case WriterStep.LockedAtSource:
                CheckAtSource(s, writer, reach);
                break;
            case WriterStep.LockedAtTarget:
                var mayWrite = s.Target == SlotState.Owned && !IsMissing(s, writer, s.TargetRow(writer));
                reach("checks at the target", s.With(writer, mayWrite ? WriterStep.OpenAtTarget : WriterStep.Idle));
                break;
            case WriterStep.OpenAtSource:
            case WriterStep.OpenAtTarget:
            case WriterStep.OpenThawing:
                reach("commits", Commit(s, writer));
                reach("rolls back", s.With(writer, WriterStep.Idle));
                break;
        }
    }

    private static int Used(ModelState s, int writer) => writer == 0 ? s.UsedA : s.UsedB;

    /// <summary>It would delete a row that is not there.</summary>
    private static bool IsMissing(ModelState s, int writer, int row) => row == Rows.Absent
        && Rows.Of(writer, Used(s, writer) + 1) == Rows.Absent;

    private void CheckAtSource(ModelState s, int writer, Action<string, ModelState> reach)
    {
        var isMissing = IsMissing(s, writer, s.SourceRow(writer));
        if (s.Source == SlotState.Owned)
        {
            reach("checks at the source", s.With(writer, isMissing ? WriterStep.Idle : WriterStep.OpenAtSource));
            return;
        }
        var thaw = _source.ThawIfExpired(s);
        if (thaw.MustWait)
            return;
        if (thaw.Value == 0)
            reach("checks at the source", s.With(writer, WriterStep.Idle));
        else if (s.Attempt < bounds.AttemptsIn(s) && !isMissing)
            reach("thaws", s.With(writer, WriterStep.OpenThawing));
    }

    private ModelState Commit(ModelState s, int writer)
    {
        var step = s.Writer(writer);
        var done = s.With(writer, WriterStep.Idle);
        var write = Used(s, writer) + 1;
        done = writer == 0 ? done with { UsedA = write } : done with { UsedB = write };
        if (step == WriterStep.OpenAtTarget)
            return Acknowledged(AtTarget(done, writer, Rows.Of(writer, write)), writer, Rows.Of(writer, write));
        if (step == WriterStep.OpenThawing)
            done = _source.ThawIfExpired(done).State;
        for (var mover = 0; mover < 2; mover++)
            if (s.Mover(mover) is { StreamIsOpen: true } streaming && (s.Publications >> streaming.Attempt & 1) == 0)
                done = done.With(mover, streaming with { HasGap = true });
        if (s.LostRelease)
            done = done with { Strays = done.Strays | 1 << writer };
        done = writer == 0 ? done with { SourceA = write } : done with { SourceB = write };
        return s.Target == SlotState.Owned ? done : Acknowledged(done, writer, Rows.Of(writer, write));
    }

    /// <summary>What the row was at the hand-over is kept until that has been compared.</summary>
    private static ModelState AtTarget(ModelState s, int writer, int content) => writer == 0
        ? s with { TargetA = content, KeptA = s.Uncompared && s.KeptA == 0 ? s.TargetA + 1 : s.KeptA }
        : s with { TargetB = content, KeptB = s.Uncompared && s.KeptB == 0 ? s.TargetB + 1 : s.KeptB };

    /// <summary>The owner has taken it: from now on it has to be served. Damage to the row is made good, for users.</summary>
    private static ModelState Acknowledged(ModelState s, int writer, int content) => writer == 0 ? s with { MustA = content, LostA = 0 }
        : s with { MustB = content, LostB = 0 };
}
