using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// The source's SQL functions of a move, as pure functions of the state. <see cref="ConformanceTests"/> holds them to the real ones.
/// </summary>
internal sealed class SourceFunctions(KnownBug bug)
{
    /// <param name="least">The attempt has at least this number.</param>
    public static SqlAnswer Begin(ModelState s, bool force, int least)
    {
        if (s.JournalRowIsLocked)
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        var thawed = s;
        if (s.Phase == MovePhase.Frozen && (force || s.Expired))
            thawed = Thaw(s);
        else if (s.Phase is not (MovePhase.Planned or MovePhase.Copying))
            return SqlAnswer.Refused(s, SqlAnswer.NotToBeHad);
        if (thawed.Source != SlotState.Owned)
            return SqlAnswer.Refused(s, SqlAnswer.NotToBeHad);
        var next = Math.Max(s.Attempt + 1, least);
        return SqlAnswer.Done(thawed with { Phase = MovePhase.Copying, Attempt = next, Expired = false, Held = true }, next);
    }

    /// <summary>
    /// move_require and create publication, in one transaction. Who thaws has a row that says frozen: it is not waited for.
    /// </summary>
    public static SqlAnswer CreatePublication(ModelState s, int attempt) =>
        s.Phase == MovePhase.Copying && s.Attempt == attempt ? SqlAnswer.Done(s with { Publications = s.Publications | 1 << attempt })
        : SqlAnswer.Refused(s, SqlAnswer.AttemptOver);

    public SqlAnswer Freeze(ModelState s, int attempt)
    {
        if (s.HandOversHeld && bug != KnownBug.FreezesWhileHeld)
            return SqlAnswer.Refused(s, SqlAnswer.Held);
        if (s.Phase is not null && ((bug != KnownBug.FreezeDoesNotWait && IsLockedByWriters(s)) || s.JournalRowIsLocked)) // the journal's row names the slots
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        if (s.Phase != MovePhase.Copying || s.Attempt != attempt)
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        return SqlAnswer.Done(s with
        {
            Phase = MovePhase.Frozen,
            Expired = false,
            Source = s is { Source: SlotState.Owned, Held: true }
            ? SlotState.Frozen : s.Source
        });
    }

    public static SqlAnswer Unfreeze(ModelState s, int attempt) =>
        s.Phase != MovePhase.Frozen || s.Attempt != attempt ? SqlAnswer.No(s)
        : s.JournalRowIsLocked ? SqlAnswer.Refused(s, SqlAnswer.Waiting)
        : SqlAnswer.Done(Thaw(s));

    /// <summary>False without waiting when there is nothing to thaw.</summary>
    public SqlAnswer ThawIfExpired(ModelState s)
    {
        if (s is not { Source: SlotState.Frozen, Held: true, Phase: MovePhase.Frozen, Expired: true })
            return SqlAnswer.No(s);
        if (s.JournalRowIsLocked)
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        return SqlAnswer.Done(bug == KnownBug.ThawLeavesTheJournal ? s with { Source = SlotState.Owned }
            : Thaw(s) with { Attempt = s.Attempt + 1 });
    }

    public SqlAnswer Release(ModelState s, int attempt, int seal)
    {
        if (s.JournalRowIsLocked)
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        if (s.Phase != MovePhase.Frozen || (s.Attempt != attempt && bug != KnownBug.ReleaseIgnoresAttempt))
            return SqlAnswer.Refused(s, SqlAnswer.AttemptOver);
        if (s is not { Source: SlotState.Frozen, Held: true } && bug != KnownBug.ThawLeavesTheJournal)
            return SqlAnswer.Refused(s, SqlAnswer.NotFrozen);
        return SqlAnswer.Done(s with
        {
            Phase = MovePhase.Released,
            Expired = false,
            Source = SlotState.Released,
            SourceEpoch = s.SourceEpoch + 1,
            SourceSeal = seal
        });
    }

    /// <summary>Waits for writers that are inside, as a freeze does.</summary>
    public static SqlAnswer Follow(ModelState s, int attempt, int epoch)
    {
        if (s.Phase is not null && (IsLockedByWriters(s) || s.JournalRowIsLocked))
            return SqlAnswer.Refused(s, SqlAnswer.Waiting);
        if (!MoveDecision.MayCancel(s.Phase))
            return SqlAnswer.No(s);
        if (s.Source is not (SlotState.Owned or SlotState.Frozen) || s.SourceEpoch >= epoch)
            return SqlAnswer.Refused(s, SqlAnswer.NotFrozen);
        return SqlAnswer.Done(s with
        {
            Source = SlotState.Released,
            SourceEpoch = epoch,
            Held = true,
            Expired = false,
            Phase = MovePhase.Owned,
            Attempt = Math.Max(s.Attempt, attempt),
        });
    }

    public static SqlAnswer Advance(ModelState s, MovePhase from, MovePhase to) =>
        s.Phase == from && !s.Disputed ? SqlAnswer.Done(s with { Phase = to, SourceSeal = Math.Min(s.SourceSeal, 1) }) : SqlAnswer.No(s);

    /// <summary>To verified.</summary>
    public SqlAnswer Verify(ModelState s) => s.HandOversHeld && bug != KnownBug.VerifiesWhileHeld
        ? SqlAnswer.Refused(s, SqlAnswer.Held) : Advance(s, MovePhase.Published, MovePhase.Verified);

    public static SqlAnswer Dispute(ModelState s, MovePhase phase) =>
        s.Phase == phase && phase >= MovePhase.Released && !s.Disputed ? SqlAnswer.Done(s with { Disputed = true }) : SqlAnswer.No(s);

    public static SqlAnswer Settle(ModelState s) => !s.Disputed ? SqlAnswer.No(s) : SqlAnswer.Done(Bookkeeping.KeptTarget(s) with
    {
        Disputed = false,
        Settled = true,
        SourceSeal = Math.Min(s.SourceSeal, 1),
        Phase = s.Phase == MovePhase.Released ? MovePhase.Owned : s.Phase,
    });

    public static SqlAnswer TakeBack(ModelState s, int epoch)
    {
        if (!s.Disputed)
            return SqlAnswer.No(s);
        if (s is not { Source: SlotState.Released, Held: true } || s.SourceEpoch >= epoch)
            return SqlAnswer.Refused(s, SqlAnswer.NotFrozen);
        return SqlAnswer.Done(Bookkeeping.TookBack(s) with
        {
            Source = SlotState.Owned,
            SourceEpoch = epoch,
            Held = false,
            Phase = null,
            Attempt = 0,
            SourceSeal = 0,
            Disputed = false,
            Settled = false,
        });
    }

    /// <summary>Returns how many rows were deleted.</summary>
    public SqlAnswer Clean(ModelState s)
    {
        var isOurs = s is { Source: SlotState.Released, Held: true, Phase: MovePhase.Verified, Disputed: false };
        var rows = s.RowsAtSource;
        if ((!isOurs && bug != KnownBug.CleanWithoutRecheck) || rows == 0)
            return SqlAnswer.No(s);
        var after = Bookkeeping.Cleaned(s);
        for (var mover = 0; mover < 2; mover++)
            if (s.Mover(mover) is { StreamIsOpen: true } streaming && (s.Publications >> streaming.Attempt & 1) == 1)
                after = after.With(mover, streaming with { HasDeletions = true });
        return SqlAnswer.Done(after, rows);
    }

    /// <summary>Truncates at once when nothing else is kept here; no stream hears of it.</summary>
    public static SqlAnswer Empty(ModelState s) =>
        s.Source == SlotState.Released && (s.Phase is null || s is { Phase: MovePhase.Verified, Disputed: false })
            ? SqlAnswer.Done(s.RowsAtSource == 0 ? s : Bookkeeping.Cleaned(s)) : SqlAnswer.No(s);

    /// <summary>False: rows are left in the slot that was given away.</summary>
    public SqlAnswer Finish(ModelState s) =>
        s.HandOversHeld && bug != KnownBug.FinishesWhileHeld ? SqlAnswer.Refused(s, SqlAnswer.Held)
        : s is not { Phase: MovePhase.Verified, Disputed: false } ? SqlAnswer.Done(s)
        : s is { Source: SlotState.Released, Held: true, RowsAtSource: > 0 } && bug != KnownBug.FinishWithoutLook ? SqlAnswer.No(s)
        : SqlAnswer.Done(s with { Phase = null, Attempt = 0, Held = false, SourceSeal = 0, Settled = false });

    public SqlAnswer Cancel(ModelState s, int attempt)
    {
        if (s.HandOversHeld && bug != KnownBug.CancelsWhileHeld)
            return SqlAnswer.Refused(s, SqlAnswer.Held);
        var isMine = bug == KnownBug.MoveCancelIgnoresAttempt ? MoveDecision.MayCancel(s.Phase) : s.Phase == MovePhase.Copying
            && s.Attempt == attempt;
        return isMine ? SqlAnswer.Done(s with { Phase = null, Attempt = 0, Expired = false, Source = SlotState.Owned, Held = false })
            : SqlAnswer.No(s);
    }

    /// <summary>Drops those of this attempt and of earlier ones.</summary>
    public ModelState DropPublications(ModelState s, int attempt) =>
        s with { Publications = bug == KnownBug.DropsLaterPublications ? 0 : s.Publications & ~((2 << attempt) - 1) };

    private static ModelState Thaw(ModelState s) =>
        s with
        {
            Phase = MovePhase.Copying,
            Expired = false,
            Source = s is { Source: SlotState.Frozen, Held: true } ? SlotState.Owned
            : s.Source
        };

    private static bool IsLockedByWriters(ModelState s) => IsLockedBy(s.Writer(0)) || IsLockedBy(s.Writer(1));

    private static bool IsLockedBy(WriterStep writer) => writer is WriterStep.LockedAtSource or WriterStep.OpenAtSource or WriterStep.OpenThawing;
}
