namespace ShardCore.Tests.Moves.Model;

/// <summary>The copy and the change stream of one attempt: each transaction at the target ends with import_check.</summary>
internal sealed class ChangeProgram(KnownBug bug)
{
    private readonly TargetFunctions _target = new(bug);

    /// <summary>The rows as of the stream's begin; a row that stands there already is a unique violation.</summary>
    public SqlAnswer Copy(ModelState s, MoverMemory me)
    {
        var (a, b) = (Rows.Of(0, me.AppliedA), Rows.Of(1, me.AppliedB));
        if ((a != Rows.Absent && s.TargetA != Rows.Absent) || (b != Rows.Absent && s.TargetB != Rows.Absent))
            return SqlAnswer.Refused(s, "23505");
        var check = _target.ImportCheck(s, me.Attempt);
        if (!check.Succeeded)
            return check;
        return SqlAnswer.Done(s with { TargetA = a == Rows.Absent ? s.TargetA : a, TargetB = b == Rows.Absent ? s.TargetB : b });
    }

    /// <summary>Any change whose turn it is, for each row; more than the real order allows, so nothing is missed.</summary>
    public void Apply(ModelState s, int mover, Action<string, ModelState> reach)
    {
        var me = s.Mover(mover);
        if (me.AppliedA < s.SourceA)
            reach("applies a change of A", Change(s, mover, 0, me.AppliedA, me with { AppliedA = After(s, me.AppliedA, s.SourceA) }));
        if (me.AppliedB < s.SourceB)
            reach("applies a change of B", Change(s, mover, 1, me.AppliedB, me with { AppliedB = After(s, me.AppliedB, s.SourceB) }));
        if (me.HasDeletions && me.AppliedA == s.SourceA && me.AppliedB == s.SourceB)
            reach("applies deletions", Delete(s, mover, me));
    }

    /// <summary>A source that lost writes has not the write of each number; several are applied as one then.</summary>
    private static int After(ModelState s, int applied, int last) => s.Loss == Loss.SourceTookOver ? last : applied + 1;

    private ModelState Change(ModelState s, int mover, int row, int before, MoverMemory after)
    {
        if (after.HasGap)
            return s.With(mover, after); // left out of the stream: nothing to see, nothing to apply
        var content = Rows.Of(row, row == 0 ? after.AppliedA : after.AppliedB);
        if (!_target.ImportCheck(s, after.Attempt).Succeeded || (s.TargetRow(row) == Rows.Absent) != (Rows.Of(row, before) == Rows.Absent))
            return s.WithDead(mover); // over, or it would not touch exactly one row
        return (row == 0 ? s with { TargetA = content } : s with { TargetB = content }).With(mover, after);
    }

    private ModelState Delete(ModelState s, int mover, MoverMemory me)
    {
        var (deleteA, deleteB) = (Rows.Of(0, me.AppliedA) != Rows.Absent, Rows.Of(1, me.AppliedB) != Rows.Absent);
        if (!_target.ImportCheck(s, me.Attempt).Succeeded || (deleteA && s.TargetA == Rows.Absent)
            || (deleteB && s.TargetB == Rows.Absent))
            return s.WithDead(mover);
        var after = s with { TargetA = deleteA ? Rows.Absent : s.TargetA, TargetB = deleteB ? Rows.Absent : s.TargetB };
        return after.With(mover, me with { HasDeletions = false });
    }
}
