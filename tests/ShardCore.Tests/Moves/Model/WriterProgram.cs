namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// write_items, with lock, check with write, and commit as steps of their own. A writer goes to either shard at any time:
/// the fence has to hold whatever ring a router has.
/// </summary>
internal sealed class WriterProgram(KnownBug bug, int maxAttempts, int[] writes)
{
    private readonly SourceFunctions _source = new(bug);

    public void Next(ModelState s, int writer, Action<string, ModelState> reach)
    {
        switch (s.Writer(writer))
        {
            case WriterStep.Idle when Done(s, writer) < writes[writer]:
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
                reach("checks at the target", s.With(writer, s.Target == SlotState.Owned ? WriterStep.OpenAtTarget : WriterStep.Idle));
                break;
            case WriterStep.OpenAtSource:
            case WriterStep.OpenAtTarget:
            case WriterStep.OpenThawing:
                reach("commits", Commit(s, writer));
                reach("rolls back", s.With(writer, WriterStep.Idle));
                break;
        }
    }

    private static int Done(ModelState s, int writer) => writer == 0 ? s.AcknowledgedA : s.AcknowledgedB;

    private void CheckAtSource(ModelState s, int writer, Action<string, ModelState> reach)
    {
        if (s.Source == SlotState.Owned)
        {
            reach("checks at the source", s.With(writer, WriterStep.OpenAtSource));
            return;
        }
        var thaw = _source.ThawIfExpired(s);
        if (thaw.SqlState == SqlAnswer.Waiting)
            return;
        if (thaw.Value == 0)
            reach("checks at the source", s.With(writer, WriterStep.Idle));
        else if (s.Attempt < maxAttempts)
            reach("thaws", s.With(writer, WriterStep.OpenThawing));
    }

    private ModelState Commit(ModelState s, int writer)
    {
        var step = s.Writer(writer);
        var done = s.With(writer, WriterStep.Idle);
        var count = Done(s, writer) + 1;
        if (step == WriterStep.OpenThawing)
            done = _source.ThawIfExpired(done).State;
        done = writer == 0 ? done with { AcknowledgedA = count } : done with { AcknowledgedB = count };
        if (step == WriterStep.OpenAtTarget)
            return writer == 0 ? done with { TargetA = Rows.Of(0, count) } : done with { TargetB = Rows.Of(1, count) };
        for (var mover = 0; mover < 2; mover++)
            if (s.Mover(mover) is { StreamIsOpen: true } streaming && (s.Publications >> streaming.Attempt & 1) == 0)
                done = done.With(mover, streaming with { HasGap = true });
        return writer == 0 ? done with { SourceA = count } : done with { SourceB = count };
    }
}
