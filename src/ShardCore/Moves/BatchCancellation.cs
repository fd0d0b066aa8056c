using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;

namespace ShardCore.Moves;

/// <summary>Cancels a batch that has not been released: the source stays the owner, and the target forgets the batch.</summary>
/// <remarks>
/// Steps. 1 ask the target what it knows of the batch; if it owns the slots, the source lost its release, and the batch only goes forward
/// (<see cref="LostRelease"/>) · 2 begin a new attempt in the source's journal; from here on no mover of an earlier attempt can freeze,
/// release or bring rows · 3 the target ends its import, of this attempt only · 4 drop the publication · 5 close the journal row as
/// cancelled.
/// The journal row goes last, so a crash before that leaves a batch that can be cancelled or resumed. Each step is a compare-and-set on
/// the attempt. So if a mover begins the next attempt meanwhile, it keeps what belongs to its attempt, and this cancellation fails.
/// </remarks>
internal sealed class BatchCancellation(MoveEnds ends, MoveJournal journal, RingPublication ring, MoveOptions options)
{
    /// <param name="isTargetGone">The target is gone for good, so it is not asked.</param>
    /// <returns>
    /// False: the batch is past the point of no return, or was never there, or another mover began a new attempt meanwhile.
    /// </returns>
    public async Task<bool> RunAsync(Guid batchId, bool isTargetGone, CancellationToken cancellation)
    {
        if (await journal.FindAsync(batchId, cancellation) is not { } batch || !MoveDecision.MayCancel(batch.Phase))
            return false;
        var word = isTargetGone ? null : await ImportWord.AskAsync(ends.To, batchId, cancellation); // 1
        if (word?.State == ImportState.Owned)
        {
            await new LostRelease(ends, journal, options).FollowAsync(batch, word, cancellation);
            return false;
        }
        try
        {
            return await TakeBackAsync(batch, word, cancellation);
        }
        catch (AttemptOverException)
        {
            return false;
        }
        catch (PostgresException e) when (e.SqlState == MoveJournal.NotToBeHad && !IsTakingIn(word))
        {
            // The source does not own all of the slots any more, so no attempt can begin, and nothing is at the target.
            await MovePublication.DropAsync(ends.From, batchId, int.MaxValue, cancellation);
            return await journal.DropAsync(batchId, cancellation);
        }
    }

    /// <param name="word">What the target says of the batch. Null: the target is gone, and was not asked.</param>
    private async Task<bool> TakeBackAsync(MoveBatch batch, ImportWord? word, CancellationToken cancellation)
    {
        var attempt = await journal.BeginAsync(batch.Id, "cancel", force: true, least: (word?.Attempt ?? 0) + 1, cancellation); // 2
        try
        {
            // If the slots went on from the target, it does not import anything for this batch any more.
            if (word is not (null or { State: ImportState.Passed }) && !await EndImportAsync(batch, attempt, cancellation)) // 3
                return false;
        }
        catch (MoveFailedException) when (!IsTakingIn(word))
        {
            // The target imports nothing for this batch, and refuses to begin.
        }
        await MovePublication.DropAsync(ends.From, batch.Id, attempt, cancellation); // 4
        return await journal.CancelAsync(batch.Id, attempt, cancellation); // 5
    }

    private static bool IsTakingIn(ImportWord? word) => word?.State is ImportState.Importing or ImportState.Sealed;

    private async Task<bool> EndImportAsync(MoveBatch batch, int attempt, CancellationToken cancellation)
    {
        var import = new MoveImport(ends.Lasting(batch.Id, attempt), batch.Id, batch.Slots, attempt);
        await import.BeginAsync(ends.Source.Id, await ring.NextEpochAsync(cancellation), cancellation);
        await options.StepAsync(MoveStep.Import, cancellation);
        return await import.CancelAsync(cancellation);
    }
}
