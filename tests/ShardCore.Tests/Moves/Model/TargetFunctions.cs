namespace ShardCore.Tests.Moves.Model;

/// <summary>The target's SQL functions of a move, as pure functions of the state.</summary>
internal sealed class TargetFunctions(KnownBug bug)
{
    public SqlAnswer ImportBegin(ModelState s, int attempt)
    {
        if (s.Target is SlotState.Owned or SlotState.Frozen)
            return SqlAnswer.Refused(s, SqlAnswer.NotToBeHad);
        if (s.Import >= attempt || (s.ImportOver >= attempt && bug != KnownBug.ImportForgetsItsEnd))
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        return SqlAnswer.Done(s with { Import = attempt, Target = SlotState.Importing });
    }

    /// <summary>What every transaction that brings or deletes rows ends with.</summary>
    public SqlAnswer ImportCheck(ModelState s, int attempt) =>
        s.Import == attempt || (bug == KnownBug.ImportCheckIgnoresAttempt && s.Import != 0) ? SqlAnswer.Done(s) : SqlAnswer.Refused(s, SqlAnswer.AttemptOver);

    /// <summary>Returns how many rows were deleted.</summary>
    public SqlAnswer ImportPurge(ModelState s, int attempt)
    {
        if (!ImportCheck(s, attempt).Succeeded)
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        if (bug == KnownBug.NoPurge)
            return SqlAnswer.No(s);
        return SqlAnswer.Done(s with { TargetA = Rows.Absent, TargetB = Rows.Absent }, (s.TargetA == Rows.Absent ? 0 : 1) + (s.TargetB == Rows.Absent ? 0 : 1));
    }

    public static SqlAnswer ImportOwn(ModelState s, int attempt, int epoch)
    {
        if (s.Import != attempt)
            return SqlAnswer.No(s);
        return SqlAnswer.Done(s.Target == SlotState.Importing ? s with { Target = SlotState.Owned, TargetEpoch = epoch } : s);
    }

    public SqlAnswer ImportCancel(ModelState s, int attempt) =>
        s.Import == attempt || (bug == KnownBug.ImportCancelIgnoresAttempt && s.Import != 0) ? ImportFinish(s) : SqlAnswer.No(s);

    public static SqlAnswer ImportFinish(ModelState s) => SqlAnswer.Done(s with
    {
        ImportOver = Math.Max(s.ImportOver, s.Import),
        Import = 0,
        Target = s.Target == SlotState.Importing ? SlotState.None : s.Target,
        TargetEpoch = s.Target == SlotState.Importing ? 0 : s.TargetEpoch,
    });
}
