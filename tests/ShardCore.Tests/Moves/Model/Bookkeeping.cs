namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// What users may count on, kept beside the two databases: which content of each row the owner must serve, and what has
/// become of the rest. No function of the product sees any of this.
/// </summary>
internal static class Bookkeeping
{
    /// <summary>
    /// The target takes the slot over. If the source lost its release and took writes since, those are strays from now on.
    /// </summary>
    public static ModelState CameToOwn(ModelState s) => s.Source is SlotState.Owned or SlotState.Frozen && s.LostRelease
        ? MustBeTargets(s) : s with
        {
            MustA = s.LostA == s.TargetA + 1 ? s.TargetA : s.MustA, // a write that the source lost is at the target all the same
            MustB = s.LostB == s.TargetB + 1 ? s.TargetB : s.MustB,
            LostA = 0,
            LostB = 0,
        };

    /// <summary>The import that the lost release was for is over, or another attempt's.</summary>
    public static ModelState CannotOwn(ModelState s) => s.Target == SlotState.Owned || s.OwnedEpoch != 0 ? s
        : s with { LostRelease = false, Strays = 0 };

    /// <summary>A person said that the target's copy is right.</summary>
    public static ModelState KeptTarget(ModelState s) => MustBeTargets(s) with { Damaged = 0, Strays = 0 };

    /// <summary>A person said that the source's copy is right, deleted rows included.</summary>
    public static ModelState TookBack(ModelState s) => s with
    {
        MustA = s.SourceRow(0),
        MustB = s.SourceRow(1),
        SourceA = Rows.WriteOf(0, s.SourceRow(0)),
        SourceB = Rows.WriteOf(1, s.SourceRow(1)),
        Cleaned = false,
        LostA = 0,
        LostB = 0,
        LostRelease = false,
        Strays = 0,
        Damaged = 0,
        TakenBack = true,
    };

    /// <summary>The source's rows are deleted. Unless a person said so, the target must own them all, and none may be a stray.</summary>
    public static ModelState Cleaned(ModelState s)
    {
        var isLast = s.Target != SlotState.Owned || s.Damaged != 0 || Loses(s, 0) || Loses(s, 1);
        return s with { Cleaned = true, LastCopyIsGone = s.LastCopyIsGone || (isLast && !s.Settled) };
    }

    /// <summary>A deletion that a stale source acknowledged leaves no row that could be lost.</summary>
    private static bool Loses(ModelState s, int row) => (s.Strays >> row & 1) == 1 && s.SourceRow(row) != Rows.Absent;

    private static ModelState MustBeTargets(ModelState s) => s with { MustA = s.TargetA, MustB = s.TargetB, LostA = 0, LostB = 0 };
}
