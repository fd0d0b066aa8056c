using System.Globalization;

namespace ShardCore.Tests.Moves.Model;

/// <summary>The target's SQL functions of a move, as pure functions of the state.</summary>
internal sealed class TargetFunctions(KnownBug bug)
{
    private static string OwnedOrPassed(ModelState s) => s.Target is SlotState.Owned or SlotState.Frozen ? "owned" : "passed";

    public static TargetWord Word(ModelState s) =>
        s.Import != 0 ? new TargetWord(s.OwnedEpoch != 0 ? OwnedOrPassed(s) : s.TargetSeal != 0 ? "sealed" : "importing", s.Import, s.OwnedEpoch,
            s.Compared)
        : s.ImportOver != 0 ? new TargetWord(s.OverOwnedEpoch != 0 ? OwnedOrPassed(s) : "cancelled", s.ImportOver, s.OverOwnedEpoch, s.OverCompared)
        : new TargetWord("unknown", 0, 0, false);

    public SqlAnswer ImportBegin(ModelState s, int attempt)
    {
        if (s.Target is SlotState.Owned or SlotState.Frozen || s.OverOwnedEpoch != 0)
            return SqlAnswer.Refused(s, SqlAnswer.NotToBeHad);
        if (s.OwnedEpoch != 0 || s.Import >= attempt || (s.ImportOver >= attempt && bug != KnownBug.ImportForgetsItsEnd))
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        return SqlAnswer.Done(Bookkeeping.CannotOwn(s) with
        {
            Import = attempt,
            TargetSeal = 0,
            KeptA = 0,
            KeptB = 0,
            Uncompared = false,
            Target = SlotState.Importing,
            TargetEpoch = s.Target == SlotState.None ? s.SourceEpoch + 1 : s.TargetEpoch,
        });
    }

    /// <summary>What every transaction that brings or deletes rows ends with.</summary>
    public SqlAnswer ImportCheck(ModelState s, int attempt) =>
        (s.OwnedEpoch == 0 || bug == KnownBug.CleanWhilePublicationStands)
            && (s.Import == attempt || (bug == KnownBug.ImportCheckIgnoresAttempt && s.Import != 0)) ? SqlAnswer.Done(s)
        : SqlAnswer.Refused(s, SqlAnswer.AttemptOver);

    /// <summary>Returns how many rows were deleted.</summary>
    public SqlAnswer ImportPurge(ModelState s, int attempt)
    {
        if (!ImportCheck(s, attempt).Succeeded)
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        if (bug == KnownBug.NoPurge)
            return SqlAnswer.No(s);
        return SqlAnswer.Done(s with { TargetA = Rows.Absent, TargetB = Rows.Absent, Damaged = 0 },
            (s.TargetA == Rows.Absent ? 0 : 1) + (s.TargetB == Rows.Absent ? 0 : 1));
    }

    public SqlAnswer ImportSeal(ModelState s, int attempt, int seal) =>
        ImportCheck(s, attempt).Succeeded ? SqlAnswer.Done(s with { TargetSeal = seal }) : SqlAnswer.Refused(s, SqlAnswer.AttemptOver);

    public SqlAnswer ImportOwn(ModelState s, int attempt, int epoch, int seal)
    {
        if (s.Import != attempt || s.Import == 0)
            return s.OverOwnedEpoch == epoch ? SqlAnswer.Done(s) : SqlAnswer.No(s);
        if (s.OwnedEpoch != 0)
            return s.OwnedEpoch == epoch ? SqlAnswer.Done(s) : SqlAnswer.No(s);
        if ((s.TargetSeal == 0 || s.TargetSeal != seal) && bug != KnownBug.OwnWithoutSeal)
            return SqlAnswer.No(s);
        if (s.Target != SlotState.Importing)
            return SqlAnswer.Refused(s, SqlAnswer.NotFrozen);
        return SqlAnswer.Done(Bookkeeping.CameToOwn(s) with
        {
            Target = SlotState.Owned,
            TargetEpoch = epoch,
            OwnedEpoch = epoch,
            TargetSeal = 0,
            Uncompared = true
        });
    }

    public static SqlAnswer ImportCompared(ModelState s) => s.OwnedEpoch == 0 ? SqlAnswer.Done(s) : SqlAnswer.Done(s with
    {
        Compared = true,
        KeptA = 0,
        KeptB = 0,
        Uncompared = s.Uncompared && s.TargetEpoch != s.OwnedEpoch,
    });

    public SqlAnswer ImportCancel(ModelState s, int attempt) =>
        (s.Import == attempt && s.OwnedEpoch == 0) || (bug == KnownBug.ImportCancelIgnoresAttempt && s.Import != 0) ? ImportFinish(s)
            : SqlAnswer.No(s);

    public static SqlAnswer ImportFinish(ModelState s) => s.Import == 0 ? SqlAnswer.Done(s) : SqlAnswer.Done(Bookkeeping.CannotOwn(s) with
    {
        ImportOver = Math.Max(s.ImportOver, s.Import),
        OverOwnedEpoch = s.OwnedEpoch != 0 ? s.OwnedEpoch : s.OverOwnedEpoch,
        OverCompared = s.OverCompared || s.Compared,
        Import = 0,
        TargetSeal = 0,
        OwnedEpoch = 0,
        Compared = false,
        KeptA = 0,
        KeptB = 0,
        Uncompared = s.Uncompared && s.TargetEpoch != s.OwnedEpoch,
        Target = s.Target == SlotState.Importing ? SlotState.None : s.Target,
        TargetEpoch = s.Target == SlotState.Importing ? 0 : s.TargetEpoch,
    });

    public SqlAnswer ImportKeep(ModelState s, int attempt, int epoch) =>
        (s.Target is SlotState.Owned or SlotState.Released || (s.Target == SlotState.Importing
            && bug == KnownBug.KeepRefusesItsOwnImport)) && s.TargetEpoch > epoch ? SqlAnswer.Refused(s, SqlAnswer.NotFrozen)
        : SqlAnswer.Done(Bookkeeping.KeptTarget(s) with
        {
            Target = SlotState.Owned,
            TargetEpoch = epoch,
            Uncompared = false,
            KeptA = 0,
            KeptB = 0,
            Import = Math.Max(s.Import, attempt),
            OwnedEpoch = epoch,
            TargetSeal = 0,
            Compared = true,
        });

    /// <summary>Waits for writers that are inside.</summary>
    public SqlAnswer ImportGiveBack(ModelState s, int attempt, int epoch)
    {
        if (s.HandOversHeld && bug != KnownBug.GivesBackWhileHeld)
            return SqlAnswer.Refused(s, SqlAnswer.Held);
        if (IsLockedBy(s.Writer(0)) || IsLockedBy(s.Writer(1)))
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        if (s.Target == SlotState.Frozen || (s.Target is SlotState.Owned or SlotState.Released && s.TargetEpoch > epoch))
            return SqlAnswer.Refused(s, SqlAnswer.NotFrozen);
        return SqlAnswer.Done(s with
        {
            Target = SlotState.Importing,
            Uncompared = false,
            TargetEpoch = s.Target == SlotState.None ? epoch : s.TargetEpoch,
            Import = attempt,
            TargetSeal = 0,
            OwnedEpoch = 0,
            Compared = false,
            KeptA = 0,
            KeptB = 0,
            OverOwnedEpoch = bug == KnownBug.GiveBackLeavesTheEnd ? s.OverOwnedEpoch : 0,
            OverCompared = bug == KnownBug.GiveBackLeavesTheEnd && s.OverCompared,
        });
    }

    private static bool IsLockedBy(WriterStep writer) => writer is WriterStep.LockedAtTarget or WriterStep.OpenAtTarget;
}

/// <summary>sharding.import_word.</summary>
/// <param name="Attempt">0: none.</param>
/// <param name="Epoch">0: none.</param>
internal readonly record struct TargetWord(string State, int Attempt, int Epoch, bool IsCompared)
{
    public bool IsOwned => State == "owned";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{State} {Attempt} {Epoch} {(IsCompared ? "true" : "false")}");
}
