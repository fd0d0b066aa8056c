using Npgsql;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>
/// Moves one batch of slots from the shard that owns it to another, while both serve.
/// </summary>
/// <remarks>
/// <para>Steps. Before the point of no return:
/// 0 ask the target what it knows of the batch; 1 begin an attempt in the source's journal, which ends every earlier one; 2 take the
/// slots in at the target
/// (importing) and remove what stands in them; 3 publication for these slots; 4 temporary replication slot, which exports
/// a snapshot, and wait until that may be read with (<see cref="ExportedSnapshot"/>); 5 copy the slots as of that snapshot; 6 apply the changes since, until the target is nearly level;
/// 7 freeze the slots and put a marker into the WAL; 8 wait until the marker has been applied: target = source; flush and seal the target;
/// 9 release: frozen → released. From there only forward:
/// 10 own: importing → owned; 11 publish the ring; 12 compare both sides; 13 delete the source's rows; 14 close the journal.
/// While a backup point is made (migrations/shard/0008) 7 waits, and so do the end of 12, which says "verified", and 14.</para>
/// <para>Invariants. (a) At no moment do two shards take writes to a slot: the target owns only after the source released,
/// and a released slot refuses. (b) A write that was acknowledged is at the target before it owns: the freeze waits
/// (exclusive slot lock) for every writer that passed the fence, the marker's commit is behind theirs, the stream is in
/// commit order, and 9 comes after the marker was applied. (c) Two movers cannot both act: each step is a compare-and-set
/// on the attempt, in the same transaction as its effect; a mover that slept through a takeover fails at its next one.
/// Bringing rows to the target is such a step too (<see cref="MoveImport.CheckAsync"/>). (d) No decision rests on a clock:
/// a freeze past its deadline is ended by changing the attempt, not by assuming that its mover noticed the time. (e) What the
/// target owns it cannot lose by a crash: all that was brought is flushed before 9 (<see cref="TargetSession"/>).
/// (f) The source's rows are deleted only after each of them was found at the target as of the hand-over (<see
/// cref="HandOverComparison"/>). A comparison that fails is a state
/// of the batch, disputed, which no mover leaves.</para>
/// <para>What a crash leaves. Up to 6: a journal row and rows that nobody can see; the next attempt starts over. At 7–8:
/// frozen slots, thawed by the first write that meets them after the deadline, or by the next attempt. After 9: the
/// journal says released, and whoever resumes goes forward. A source that crashes after 13 may have its rows back: 14 looks
/// for them. The replication slot is gone with its connection; the publication is dropped by the next attempt or at the end.</para>
/// <para>What a shard that loses its last commits leaves: a standby took over, or an older state was restored. Every standby that
/// streams has a step on its disk before the next one
/// that rests on it: the seal before 9, the release before 10, the ownership and the comparison before 13. So what follows is of
/// standbys that did not stream, and of backups.
/// The target lost rows before it owned: it lacks the seal of the release, cannot own, and the batch is disputed. The target lost its
/// ownership later: 11, 12 and 13 ask it first,
/// and the batch is disputed. The source lost its release: 0 hears that the target owns, so the source releases again
/// (<c>move_follow</c>), never thaws; until somebody looks, two
/// shards own these slots, and the ring names the target. The source lost an attempt: the next one is numbered above what the target
/// knows. The source lost the end of the
/// batch: as if it had lost the release, and the target remembers that the rows were compared.</para>
/// </remarks>
public sealed class BatchMover(Shard source, Shard target, ShardAccess access, RingPublication ring, MoveOptions options)
{
    private readonly MovePipeline _pipeline = options.Pipeline ?? new MovePipeline();

    /// <summary>Carries the batch on from wherever it is to its end.</summary>
    /// <param name="by">Who: user@host and command, for the history.</param>
    /// <param name="takeOver">The caller knows that no other mover works on it, so a freeze need not be waited out.</param>
    /// <param name="cancellation">Heeded before the release, and while the source's rows are deleted; in between the hand-over is completed first.</param>
    /// <exception cref="AttemptOverException">Another mover took over; it is theirs.</exception>
    /// <exception cref="BatchDisputedException">Only a person may go on with it.</exception>
    /// <exception cref="StandbysBehindException" />
    /// <exception cref="MoveFailedException" />
    public async Task RunAsync(Guid batchId, string by, bool takeOver, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var journal = new MoveJournal(ends.From);
        for (var token = cancellation; await journal.FindAsync(batchId, token) is { } batch;)
        {
            // From the point of no return until it is compared: forward only, whatever the caller wishes.
            token = MoveDecision.MayStop(batch) ? cancellation : CancellationToken.None;
            token.ThrowIfCancellationRequested();
            switch (MoveDecision.Next(batch))
            {
                case MoveWork.CopyAndRelease:
                    await CopyAndReleaseAsync(batch, ends, journal, by, takeOver, token);
                    token = CancellationToken.None;
                    break;
                case MoveWork.Own:
                    await new TargetOwnership(ends, journal, options).TakeAsync(batch, isFlushed: false, held: null, token);
                    break;
                case MoveWork.Publish:
                    await PublishAsync(batch, ends, journal, token);
                    break;
                case MoveWork.Verify:
                    await VerifyAsync(batch, ends, journal, token);
                    break;
                case MoveWork.CleanAndFinish:
                    await new BatchCleaning(ends, journal, options).RunAsync(batch, stop => RequireSafeToCleanAsync(batch, ends, journal, stop), token);
                    break;
                default:
                    throw new BatchDisputedException($"Batch {batchId}: {batch.Disputed}");
            }
        }
    }

    /// <summary>Takes a batch back that has not been released: <see cref="BatchCancellation"/>.</summary>
    /// <param name="isTargetGone">It is gone for good, and not asked. Should it come back it still imports these slots, until <c>add-shard</c> of it ends that.</param>
    /// <returns>False: it is past the point of no return, or was never there, or another mover began it anew meanwhile.</returns>
    public async Task<bool> CancelAsync(Guid batchId, bool isTargetGone, CancellationToken cancellation)
    {
        await using var ends = Ends();
        return await new BatchCancellation(ends, new MoveJournal(ends.From), ring, options).RunAsync(batchId, isTargetGone, cancellation);
    }

    /// <summary>
    /// Sees to it that the batch's slots have one owner: step 10 alone, for a batch that is between its two owners, and the release
    /// alone, for a source that lost it. It needs no
    /// ring: with Redis lost in this moment the ring could not be made again, because nobody owns the slots, or two do, and without a
    /// ring nobody could go on with the batch.
    /// </summary>
    /// <exception cref="BatchDisputedException" />
    /// <exception cref="StandbysBehindException" />
    public async Task SettleOwnerAsync(Guid batchId, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var journal = new MoveJournal(ends.From);
        if (await journal.FindAsync(batchId, cancellation) is not { } batch)
            return;
        if (MoveDecision.Next(batch) == MoveWork.Own)
            await new TargetOwnership(ends, journal, options).TakeAsync(batch, isFlushed: false, held: null, cancellation);
        else if (MoveDecision.MayCancel(batch.Phase) && await ImportWord.AskAsync(ends.To, batchId, cancellation) is { State: ImportState.Owned } word)
            await new LostRelease(ends, journal, options).FollowAsync(batch, word, cancellation);
    }

    private MoveEnds Ends() => new(source, target, access, _pipeline, options.StepLimit);

    /// <summary>
    /// The journal says that the source owns the slots. If the target says that it came to own them by this batch, the target is right:
    /// it owns only what was released, and the
    /// source, or what stands in for it now, forgot the release.
    /// </summary>
    private async Task CopyAndReleaseAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, string by, bool takeOver, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (word.State == ImportState.Owned)
        {
            await new LostRelease(ends, journal, options).FollowAsync(batch, word, cancellation);
            return;
        }
        if (word.State == ImportState.Passed)
            throw new MoveFailedException(
                $"Batch {batch.Id} was carried out once, and its slots went on from {target.Id} since; {source.Id} went back to before it. 'shardadmin ops cancel' takes it out of the journal; 'shardadmin doctor' tells who owns the slots.");
        // An attempt that both know has not been lost; one that nobody began may have been finished or cancelled in what the source lost.
        if (batch.IsOfOtherHistory && !options.BeginsWhatWasRestored && (batch.Attempt == 0 || word.Attempt != batch.Attempt))
            throw new MoveFailedException($"Batch {batch.Id} was planned before {source.Id} failed over or was restored; it may have been finished or cancelled in what was lost. A person has to say whether it is still wanted: 'shardadmin ops resume' or 'ops cancel'.");
        options.Progress.Pause = await new BatchAttempt(batch.Id, ends, journal, ring, options).RunAsync(batch, word.Attempt, by, takeOver, cancellation);
    }

    private async Task PublishAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Publish, cancellation);
        using var pass = await _pipeline.Gate.PassAsync(cancellation);
        if (await OwnedWordAsync(batch, ends, journal, cancellation) is null)
            return;
        if (!await ring.PublishAsync(batch, source.Id, token => journal.HasGivenAwayAsync(batch, token), cancellation))
            throw new AttemptOverException($"Batch {batch.Id}: {source.Id} does not give its slots away by it any more.");
        if (options.Progress.Pause is { } pause)
            await new MoveReports(ends.From).NoteAsync(batch.Id, options.Progress.Bytes, options.Progress.Changes, pause.TotalMilliseconds, cancellation);
        await journal.AdvanceAsync(batch, MovePhase.Published, cancellation);
    }

    private async Task VerifyAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        using var comparing = await _pipeline.Compare.EnterAsync(cancellation);
        await options.StepAsync(MoveStep.Verify, cancellation);
        using (await _pipeline.Gate.PassAsync(cancellation))
            await MovePublication.DropAsync(ends.From, batch.Id, batch.Attempt, cancellation);
        await ItemTable.RequireNoOtherColumnAsync(ends.From, source.Id, batch.Id, "Its slots have been handed over, and the source's rows are kept.", cancellation);
        if (await OwnedWordAsync(batch, ends, journal, cancellation) is not { } word)
            return;
        if (!batch.IsSettled)
        {
            var why = word.IsCompared ? await NewerAsync(batch, journal, cancellation) : await DifferenceAsync(batch, ends, cancellation);
            if (why is not null)
            {
                await DisputeAsync(batch, ends, journal, word, why, cancellation);
                return;
            }
            await MoveImport.ComparedAsync(ends.To, batch.Id, cancellation);
        }
        await journal.AdvanceAsync(batch, MovePhase.Verified, cancellation);
    }

    private async Task<string?> DifferenceAsync(MoveBatch batch, MoveEnds ends, CancellationToken cancellation) =>
        await new HandOverComparison(ends, options).DifferencesAsync(batch, cancellation) is { Count: > 0 } differing
            ? $"the rows of {source.Id} and those that {target.Id} had at the hand-over differ in the slots {string.Join(',', differing)}. The source's rows are kept."
            : null;

    /// <summary>
    /// All rows of the release were compared once, by a mover whose word of it the source may have lost. A source that forgot its
    /// release, and released again, can only have older
    /// rows than those, unless somebody wrote there meanwhile.
    /// </summary>
    private async Task<string?> NewerAsync(MoveBatch batch, MoveJournal journal, CancellationToken cancellation) =>
        batch.IsFollowing && await journal.HasNewerRowsAsync(batch, cancellation)
            ? $"{source.Id} lost its release and took writes to these slots, which {target.Id} had come to own. The source's rows are kept."
            : null;

    /// <summary>
    /// Unless another mover has compared it meanwhile: then the rows are as they were to be, and ours were read while they were being
    /// deleted.
    /// </summary>
    /// <exception cref="BatchDisputedException" />
    private static async Task DisputeAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, ImportWord before, string why, CancellationToken cancellation)
    {
        var isCompared = (await ImportWord.AskAsync(ends.To, batch.Id, cancellation)).IsCompared;
        if (isCompared == before.IsCompared && await journal.DisputeAsync(batch, why, cancellation))
            throw new BatchDisputedException($"Batch {batch.Id}: {why}");
    }

    /// <returns>What the target says, if it owns by this batch. Null: somebody else has gone on with the batch.</returns>
    /// <exception cref="BatchDisputedException">The target lost its ownership.</exception>
    private async Task<ImportWord?> OwnedWordAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (IsOwner(word, batch))
            return word;
        var why = LostOwnership(word, batch);
        return await journal.DisputeAsync(batch, why, cancellation) ? throw new BatchDisputedException($"Batch {batch.Id}: {why}") : null;
    }

    /// <summary>Or the slots went on from it, and a person has said that this is right.</summary>
    private static bool IsOwner(ImportWord word, MoveBatch batch) =>
        word.Epoch == batch.Epoch && (word.State == ImportState.Owned || (word.State == ImportState.Passed && batch.IsSettled));

    private string LostOwnership(ImportWord word, MoveBatch batch)
    {
        var rows = batch.Phase == MovePhase.Verified ? $"{source.Id} may have deleted some of its rows already." : $"{source.Id} has the rows as of the release.";
        return word.State == ImportState.Passed
            ? $"{target.Id} owned these slots, and they went on to another shard since; {source.Id} went back to before that. {rows}"
            : $"{target.Id} owned these slots and does not know it any more: it lost commits, and writes that it took may be among them. {rows}";
    }

    /// <summary>
    /// The source's rows are deleted only while the target owns, has been compared, and every standby that streams from it knows both.
    /// </summary>
    private async Task RequireSafeToCleanAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        // In one session: a connection made anew may be to a standby that took over meanwhile.
        await using var connection = await ends.To.OpenAsync(cancellation);
        var word = await ImportWord.AskAsync(connection, batch.Id, cancellation);
        if (!IsOwner(word, batch) || !(word.IsCompared || batch.IsSettled))
        {
            var why = IsOwner(word, batch)
                ? $"{target.Id} does not know any more that its rows were compared: it lost commits. The source's rows are kept."
                : LostOwnership(word, batch);
            throw await journal.DisputeAsync(batch, why, cancellation)
                ? new BatchDisputedException($"Batch {batch.Id}: {why}")
                : new AttemptOverException($"Batch {batch.Id}: somebody else has gone on with it.");
        }
        await LevelStandbys.RequireAsync(connection, target.Id, $"Batch {batch.Id} is handed over, and its rows at {source.Id} are kept.", options, cancellation);
    }
}
