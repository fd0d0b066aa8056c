using ShardCore.Moves.Batches;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>
/// Moves one batch of slots from the shard that owns it to another, while both serve.
/// </summary>
/// <remarks>
/// <para>
/// Steps. Before the point of no return:
/// 0 ask the target what it knows of the batch;
/// 1 begin an attempt in the source's journal, which ends every earlier attempt;
/// 2 begin the import of the slots at the target (importing), and remove the rows that are in them;
/// 3 make a publication for these slots;
/// 4 make a temporary replication slot, which exports a snapshot, and wait until that snapshot may be read with
/// (<see cref="ExportedSnapshot"/>);
/// 5 copy the slots as of that snapshot;
/// 6 apply the changes since then, until the target is nearly level;
/// 7 freeze the slots and put a marker into the WAL;
/// 8 wait until the marker has been applied: target = source; flush and seal the target;
/// 9 release: frozen → released.
/// From there the batch only goes forward:
/// 10 own: importing → owned;
/// 11 publish the ring;
/// 12 compare both sides;
/// 13 delete the source's rows;
/// 14 close the journal.
/// While a backup point is made (migrations/shard/0008), 7 waits, and so do the end of 12, which says "verified", and 14.
/// </para>
/// <para>
/// Invariants. (a) At no moment do two shards take writes to a slot: the target owns only after the source released, and a released slot
/// refuses writes.
/// (b) An acknowledged write is at the target before the target owns. The freeze takes the exclusive slot lock, so it waits for every
/// writer that passed the fence. The commit of the marker is behind the commits of those writers. The stream is in commit order, and 9
/// comes after the marker was applied.
/// (c) Two movers cannot both act. Each step is a compare-and-set on the attempt, in the same transaction as its effect. A mover that
/// slept through a takeover fails at its next step. Bringing rows to the target is such a step too (<see cref="MoveImport.CheckAsync"/>).
/// (d) No decision rests on a clock. A freeze that is past its deadline is ended by changing the attempt; nobody assumes that its mover
/// noticed the time.
/// (e) The target cannot lose by a crash what it owns: everything that was brought is flushed before 9 (<see cref="TargetSession"/>).
/// (f) The source's rows are deleted only after each of them was found at the target as of the hand-over
/// (<see cref="HandOverComparison"/>). If the comparison fails, the batch is in the state "disputed", and no mover leads it out of that
/// state.
/// </para>
/// <para>
/// What a crash leaves. Up to 6: a journal row, and rows that nobody can see; the next attempt starts over.
/// At 7 and 8: frozen slots. The first write that meets them after the deadline thaws them, or the next attempt does.
/// After 9: the journal says released, and the next mover goes forward.
/// A source that crashes after 13 may have its rows back, so 14 looks for them.
/// The replication slot is gone with its connection. The next attempt drops the publication, or the end of the batch does.
/// </para>
/// <para>
/// What is left when a shard loses its last commits, because a standby took over or an older state was restored. Every standby that
/// streams has a step on its disk before the next step that rests on it: the seal before 9, the release before 10, the ownership and the
/// comparison before 13. So the following concerns only standbys that did not stream, and backups.
/// The target lost rows before it owned: it lacks the seal of the release, so it cannot own, and the batch is disputed.
/// The target lost its ownership later: 11, 12 and 13 ask the target first, and the batch is disputed.
/// The source lost its release: 0 learns that the target owns. So the source releases again (<c>move_follow</c>) and never thaws. Until a
/// mover looks, two shards own these slots, and the ring names the target.
/// The source lost an attempt: the next one gets a number above the one that the target knows.
/// The source lost the end of the batch: this is treated as if it had lost the release, and the target remembers that the rows were
/// compared.
/// </para>
/// </remarks>
public sealed class BatchMover(Shard source, Shard target, ShardAccess access, RingPublication ring, MoveOptions options)
{
    private readonly MovePipeline _pipeline = options.Pipeline ?? new MovePipeline();

    /// <summary>Carries the batch on to its end, from its present phase.</summary>
    /// <param name="by">Who moves: user@host and command. This goes into the history.</param>
    /// <param name="takeOver">
    /// True: the caller knows that no other mover works on the batch, so it need not wait for the end of a freeze.
    /// </param>
    /// <param name="cancellation">
    /// Heeded before the release, and while the source's rows are deleted. In between, the hand-over is completed first.
    /// </param>
    /// <exception cref="AttemptOverException">Another mover took over, and the batch is now its work.</exception>
    /// <exception cref="BatchDisputedException">Only a person may go on with the batch.</exception>
    /// <exception cref="StandbysBehindException" />
    /// <exception cref="MoveFailedException" />
    public async Task RunAsync(Guid batchId, string by, bool takeOver, CancellationToken cancellation)
    {
        await using var ends = Ends();
        var journal = new MoveJournal(ends.From);
        for (var token = cancellation; await journal.FindAsync(batchId, token) is { } batch;)
        {
            // From the point of no return until the comparison, the batch only goes forward, even if the caller cancels.
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
                    await new BatchVerification(ends, journal, options).RunAsync(batch, token);
                    break;
                case MoveWork.CleanAndFinish:
                    await new BatchCleaning(ends, journal, options).RunAsync(batch, token);
                    break;
                default:
                    throw new BatchDisputedException($"Batch {batchId}: {batch.Disputed}");
            }
        }
    }

    /// <summary>Cancels a batch that has not been released: see <see cref="BatchCancellation"/>.</summary>
    /// <param name="isTargetGone">
    /// The target is gone for good, so it is not asked. If it comes back, it still imports these slots, until <c>add-shard</c> of the
    /// target ends that.
    /// </param>
    /// <returns>
    /// False: the batch is past the point of no return, or was never there, or another mover began a new attempt meanwhile.
    /// </returns>
    public async Task<bool> CancelAsync(Guid batchId, bool isTargetGone, CancellationToken cancellation)
    {
        await using var ends = Ends();
        return await new BatchCancellation(ends, new MoveJournal(ends.From), ring, options).RunAsync(batchId, isTargetGone, cancellation);
    }

    /// <summary>
    /// Ensures that the batch's slots have one owner: it does step 10 alone for a batch that is between its two owners, and the release
    /// alone for a source that lost it. It needs no ring. If Redis is lost at this moment, the ring could not be made again, because no
    /// shard owns the slots, or two do. And without a ring nobody could go on with the batch.
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
        else if (MoveDecision.MayCancel(batch.Phase)
            && await ImportWord.AskAsync(ends.To, batchId, cancellation) is { State: ImportState.Owned } word)
            await new LostRelease(ends, journal, options).FollowAsync(batch, word, cancellation);
    }

    private MoveEnds Ends() => new(source, target, access, _pipeline, options.StepLimit);

    /// <summary>
    /// The journal says that the source owns the slots. If the target says that it became the owner by this batch, the target is right. It
    /// owns only what was released, and the source, or the server that replaced it, forgot the release.
    /// </summary>
    private async Task CopyAndReleaseAsync(
        MoveBatch batch, MoveEnds ends, MoveJournal journal, string by, bool takeOver, CancellationToken cancellation)
    {
        var word = await ImportWord.AskAsync(ends.To, batch.Id, cancellation);
        if (word.State == ImportState.Owned)
        {
            await new LostRelease(ends, journal, options).FollowAsync(batch, word, cancellation);
            return;
        }
        if (word.State == ImportState.Passed)
            throw new MoveFailedException(
                $"Batch {batch.Id} was carried out once, and its slots went on from {target.Id} since; "
                    + $"{source.Id} went back to before it. 'shardadmin ops cancel' takes the batch out of the journal; "
                    + "'shardadmin doctor' tells who owns the slots.");
        // An attempt that source and target both know has not been lost. A batch without one may have been finished or cancelled in what
        // the source lost.
        if (batch.IsOfOtherHistory && !options.BeginsWhatWasRestored && (batch.Attempt == 0 || word.Attempt != batch.Attempt))
            throw new MoveFailedException(
                $"Batch {batch.Id} was planned before {source.Id} failed over or was restored; "
                    + "it may have been finished or cancelled in what was lost. "
                    + "A person has to say whether it is still wanted: 'shardadmin ops resume' or 'ops cancel'.");
        options.Progress.Pause = await new BatchAttempt(batch.Id, ends, journal, ring, options).RunAsync(
            batch, word.Attempt, by, takeOver, cancellation);
    }

    private async Task PublishAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Publish, cancellation);
        using var pass = await _pipeline.Gate.PassAsync(cancellation);
        if (await new OwnershipCheck(ends, journal, options).OwnedWordAsync(batch, cancellation) is null)
            return;
        if (!await ring.PublishAsync(batch, source.Id, token => journal.HasGivenAwayAsync(batch, token), cancellation))
            throw new AttemptOverException($"Batch {batch.Id}: {source.Id} does not give its slots away by it any more.");
        if (options.Progress.Pause is { } pause)
            await new MoveReports(ends.From).NoteAsync(
                batch.Id, options.Progress.Bytes, options.Progress.Changes, pause.TotalMilliseconds, cancellation);
        await journal.AdvanceAsync(batch, MovePhase.Published, cancellation);
    }
}
