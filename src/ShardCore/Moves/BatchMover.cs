using System.Diagnostics;
using Npgsql;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves;

/// <summary>
/// Moves one batch of slots from the shard that owns it to another, while both serve.
/// </summary>
/// <remarks>
/// <para>Steps. Before the point of no return:
/// 1 begin an attempt in the source's journal, which ends every earlier one; 2 take the slots in at the target
/// (importing) and remove what stands in them; 3 publication for these slots; 4 temporary replication slot, which exports
/// a snapshot, and wait until that may be read with (<see cref="ExportedSnapshot"/>); 5 copy the slots as of that snapshot; 6 apply the changes since, until the target is nearly level;
/// 7 freeze the slots and put a marker into the WAL; 8 wait until the marker has been applied: target = source;
/// 9 release: frozen → released. From there only forward:
/// 10 own: importing → owned; 11 publish the ring; 12 compare both sides; 13 delete the source's rows; 14 close the journal.</para>
/// <para>Invariants. (a) At no moment do two shards take writes to a slot: the target owns only after the source released,
/// and a released slot refuses. (b) A write that was acknowledged is at the target before it owns: the freeze waits
/// (exclusive slot lock) for every writer that passed the fence, the marker's commit is behind theirs, the stream is in
/// commit order, and 9 comes after the marker was applied. (c) Two movers cannot both act: each step is a compare-and-set
/// on the attempt, in the same transaction as its effect; a mover that slept through a takeover fails at its next one.
/// Bringing rows to the target is such a step too (<see cref="MoveImport.CheckAsync"/>). (d) No decision rests on a clock:
/// a freeze past its deadline is ended by changing the attempt, not by assuming that its mover noticed the time. (e) What the
/// target owns it cannot lose by a crash: all that was brought is flushed before 9 (<see cref="TargetSession"/>).</para>
/// <para>What a crash leaves. Up to 6: a journal row and rows that nobody can see; the next attempt starts over. At 7–8:
/// frozen slots, thawed by the first write that meets them after the deadline, or by the next attempt. After 9: the
/// journal says released, and whoever resumes goes forward. A source that crashes after 13 may have its rows back: 14 looks
/// for them. The replication slot is gone with its connection; the publication is dropped by the next attempt or at the end.</para>
/// </remarks>
public sealed class BatchMover(Shard source, Shard target, Action<NpgsqlConnectionStringBuilder> configure, RingPublication ring, MoveOptions options)
{
    /// <summary>The servers are busy with what is compared or deleted at once, and the next hand-over waits for it: so long, at the rate at which the batch goes.</summary>
    private static readonly TimeSpan AtOnce = TimeSpan.FromMilliseconds(100);

    /// <summary>At least, unless there is more in one slot.</summary>
    private const long MinComparedAtOnceBytes = 1024 * 1024;

    /// <summary>At most, also at full speed.</summary>
    private const long MaxComparedAtOnceBytes = 64 * 1024 * 1024;

    private const int MinDeletedAtOnce = 2000;

    private const int MaxDeletedAtOnce = 10_000;

    private const int SlotsComparedAtOnce = 32; // where it is not known how much is in them

    private readonly MovePipeline _pipeline = options.Pipeline ?? new MovePipeline();

    /// <summary>Carries the batch on from wherever it is to its end.</summary>
    /// <param name="by">Who: user@host and command, for the history.</param>
    /// <param name="takeOver">The caller knows that no other mover works on it, so a freeze need not be waited out.</param>
    /// <param name="cancellation">Heeded before the release, and while the source's rows are deleted; in between the hand-over is completed first.</param>
    /// <exception cref="AttemptOverException">Another mover took over; it is theirs.</exception>
    /// <exception cref="MoveFailedException" />
    public async Task RunAsync(Guid batchId, string by, bool takeOver, CancellationToken cancellation)
    {
        await using var ends = new MoveEnds(source, target, configure, _pipeline, options.StepLimit);
        var journal = new MoveJournal(ends.From);
        TargetSession? atHandOver = null; // none when another process carries on and the target may have taken writes since
        try
        {
            for (var token = cancellation; await journal.FindAsync(batchId, token) is { } batch;)
            {
                // From the point of no return until it is compared: forward only, whatever the caller wishes.
                token = MoveDecision.MayStop(batch.Phase) ? cancellation : CancellationToken.None;
                token.ThrowIfCancellationRequested();
                switch (MoveDecision.Next(batch.Phase))
                {
                    case MoveWork.CopyAndRelease:
                        options.Progress.Pause = await new BatchAttempt(batchId, ends, journal, ring, options, session => atHandOver = session).RunAsync(batch, by, takeOver, token);
                        token = CancellationToken.None;
                        break;
                    case MoveWork.Own:
                        atHandOver ??= await TargetSession.OpenUnlessOwnedAsync(ends.Lasting(batchId, batch.Attempt), batch, token);
                        await OwnAsync(batch, ends, journal, options, held: null, token);
                        break;
                    case MoveWork.Publish:
                        await PublishAsync(batch, ends, journal, token);
                        break;
                    case MoveWork.Verify:
                        await VerifyAsync(batch, ends, journal, atHandOver, token);
                        break;
                    default:
                        if (atHandOver is not null)
                            await atHandOver.DisposeAsync(); // another mover compared: the snapshot must not be held through the wait
                        await CleanAndFinishAsync(batch, ends, journal, token);
                        break;
                }
            }
        }
        finally
        {
            if (atHandOver is not null)
                await atHandOver.DisposeAsync();
        }
    }

    /// <summary>Takes a batch back that has not been released: the source stays the owner, the target forgets it.</summary>
    /// <param name="isTargetGone">It is gone for good, and not asked. Should it come back it still imports these slots, until <c>add-shard</c> of it ends that.</param>
    /// <returns>False: it is past the point of no return, or was never there, or another mover began it anew meanwhile.</returns>
    public async Task<bool> CancelAsync(Guid batchId, bool isTargetGone, CancellationToken cancellation)
    {
        await using var ends = new MoveEnds(source, target, configure, _pipeline, options.StepLimit);
        var journal = new MoveJournal(ends.From);
        if (await journal.FindAsync(batchId, cancellation) is not { } batch || !MoveDecision.MayCancel(batch.Phase))
            return false;
        try
        {
            // A new attempt first: it ends whoever copies. Then the target, then the journal row, by which a crash between is found.
            var attempt = await journal.BeginAsync(batchId, "cancel", force: true, cancellation);
            if (!isTargetGone && !await CancelImportAsync(ends, batch, attempt, cancellation))
                return false;
            await MovePublication.DropAsync(ends.From, batchId, attempt, cancellation);
            return await journal.CancelAsync(batchId, attempt, cancellation);
        }
        catch (AttemptOverException)
        {
            return false;
        }
    }

    /// <summary>Of this attempt only: a mover that begins the next one meanwhile keeps what is its own.</summary>
    private async Task<bool> CancelImportAsync(MoveEnds ends, MoveBatch batch, int attempt, CancellationToken cancellation)
    {
        var import = new MoveImport(ends.Lasting(batch.Id, attempt), batch.Id, batch.Slots, attempt);
        await import.BeginAsync(source.Id, await ring.NextEpochAsync(cancellation), cancellation);
        await options.StepAsync(MoveStep.Import, cancellation);
        return await import.CancelAsync(cancellation);
    }

    /// <summary>
    /// Step 10 alone, for a batch that is between its two owners. It needs no ring: with Redis lost in this moment the ring could
    /// not be made again, because nobody owns the slots, and without a ring nobody could go on with the batch.
    /// </summary>
    /// <returns>False: it is not between them.</returns>
    public async Task<bool> OwnReleasedAsync(Guid batchId, CancellationToken cancellation)
    {
        await using var ends = new MoveEnds(source, target, configure, _pipeline, options.StepLimit);
        var journal = new MoveJournal(ends.From);
        if (await journal.FindAsync(batchId, cancellation) is not { } batch || MoveDecision.Next(batch.Phase) != MoveWork.Own)
            return false;
        await OwnAsync(batch, ends, journal, options, held: null, cancellation);
        return true;
    }

    /// <param name="held">Stopped when the target owns the slots.</param>
    internal static async Task OwnAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, MoveOptions options, Stopwatch? held, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Own, cancellation);
        if (!await MoveImport.OwnAsync(ends.ToAtHandOver, batch, cancellation))
        {
            if (await journal.FindAsync(batch.Id, cancellation) is not { Phase: MovePhase.Released })
                return; // another mover did this, and perhaps all the rest, meanwhile
            throw new MoveFailedException($"Batch {batch.Id} was released to {ends.Target.Id}, which does not know attempt {batch.Attempt} of it. Nobody serves its slots: restore {ends.Target.Id}, then 'shardadmin ops resume'.");
        }
        held?.Stop();
        await journal.AdvanceAsync(batch.Id, MovePhase.Released, MovePhase.Owned, cancellation);
    }

    private async Task PublishAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        await options.StepAsync(MoveStep.Publish, cancellation);
        using var pass = await _pipeline.Gate.PassAsync(cancellation);
        await ring.PublishAsync(batch, source.Id, token => journal.HasGivenAwayAsync(batch, token), cancellation);
        if (options.Progress.Pause is { } pause)
            await new MoveReports(ends.From).NoteAsync(batch.Id, options.Progress.Bytes, options.Progress.Changes, pause.TotalMilliseconds, cancellation);
        await journal.AdvanceAsync(batch.Id, MovePhase.Owned, MovePhase.Published, cancellation);
    }

    private async Task VerifyAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, TargetSession? atHandOver, CancellationToken cancellation)
    {
        using var comparing = await _pipeline.Compare.EnterAsync(cancellation);
        await options.StepAsync(MoveStep.Verify, cancellation);
        using (await _pipeline.Gate.PassAsync(cancellation))
            await MovePublication.DropAsync(ends.From, batch.Id, batch.Attempt, cancellation);
        await ItemTable.RequireNoOtherColumnAsync(ends.From, source.Id, batch.Id, "Its slots have been handed over, and the source's rows are kept.", cancellation);
        var differences = await DifferencesAsync(batch, ends, atHandOver, cancellation);
        // Still in this phase, so nobody has begun to clean meanwhile, which would look like a difference.
        if (differences.Count > 0 && await journal.FindAsync(batch.Id, cancellation) is { Phase: MovePhase.Published })
            throw new MoveFailedException($"Batch {batch.Id}: source and target differ in the slots {string.Join(',', differences)}. The source's rows are kept.");
        await journal.AdvanceAsync(batch.Id, MovePhase.Published, MovePhase.Verified, cancellation);
    }

    /// <summary>The source's rows, which do not change any more, with the target's as they were at the hand-over, or, when another
    /// process carries on and the target has taken writes since, with what of them must have stayed.</summary>
    private async Task<IReadOnlyList<Slot>> DifferencesAsync(MoveBatch batch, MoveEnds ends, TargetSession? atHandOver, CancellationToken cancellation)
    {
        var bytesASlot = options.Progress.Bytes * CopyRate.ComparedShare / batch.Slots.Length;
        if (atHandOver is null)
        {
            await options.Rate.SpendAsync((long)(bytesASlot * batch.Slots.Length), cancellation);
            using var whole = await _pipeline.Gate.PassAsync(cancellation);
            return (await HandOverComparison.RunAsync(ends.From, ends.To, batch.Slots, batch.VersionFloor!.Value, cancellation)).Differing;
        }
        await using var connection = await ends.From.OpenAsync(cancellation);
        var differing = new List<Slot>();
        foreach (var slots in batch.Slots.Chunk(SlotsFor(BytesComparedAtOnce(), batch)))
        {
            await options.Rate.SpendAsync((long)(bytesASlot * slots.Length), cancellation);
            using var pass = await _pipeline.Gate.PassAsync(cancellation);
            var left = SlotChecksums.ReadAsync(connection, slots, null, cancellation);
            var right = atHandOver.ChecksumsAsync(slots, cancellation);
            await Task.WhenAll(left, right);
            differing.AddRange(SlotChecksums.Differences(await left, await right));
        }
        await atHandOver.DisposeAsync();
        return differing;
    }

    /// <summary>The more at once, the less of it is read twice (<see cref="PageOrder"/>).</summary>
    private long BytesComparedAtOnce() => WithinRate(CopyRate.ComparedShare, MinComparedAtOnceBytes, MaxComparedAtOnceBytes);

    private int RowsDeletedAtOnce() => options.CleanBatch ?? (int)WithinRate(CopyRate.BytesPerDeletedRow, MinDeletedAtOnce, MaxDeletedAtOnce);

    /// <summary>How many the rate gives in <see cref="AtOnce"/>, of what counts as so many bytes each.</summary>
    private long WithinRate(double bytesEach, long least, long most) => (long)Math.Clamp(options.Rate.Narrowest * AtOnce.TotalSeconds / bytesEach ?? most, least, most);

    /// <summary>How many slots have about so many bytes.</summary>
    private int SlotsFor(long bytes, MoveBatch batch) => Math.Max(options.Progress.Bytes, options.BytesPlanned ?? 0) is var all and > 0
        ? (int)Math.Clamp(bytes * batch.Slots.Length / all, 1, batch.Slots.Length)
        : SlotsComparedAtOnce;

    /// <summary>Broken off, or if the source crashed in the middle of it, it leaves a batch that is final but for its cleaning.</summary>
    private async Task CleanAndFinishAsync(MoveBatch batch, MoveEnds ends, MoveJournal journal, CancellationToken cancellation)
    {
        options.Progress.Step = MoveStep.Clean;
        _pipeline.Leave(batch.Id);
        await _pipeline.AllCompared.WaitAsync(cancellation);
        cancellation.ThrowIfCancellationRequested(); // which a wait that is over does not look at
        await options.StepAsync(MoveStep.Clean, cancellation);
        await Task.Delay(options.GraceBeforeCleaning, cancellation);
        await CleanAsync(batch, journal, cancellation);
        await options.StepAsync(MoveStep.Finish, CancellationToken.None);
        await MovePublication.DropAsync(ends.From, batch.Id, batch.Attempt, CancellationToken.None);
        await MoveImport.FinishAsync(ends.To, batch.Id, CancellationToken.None);
        await journal.FinishAsync(batch.Id, source.Id, CancellationToken.None);
    }

    private async Task CleanAsync(MoveBatch batch, MoveJournal journal, CancellationToken cancellation)
    {
        using var cleaning = await _pipeline.Clean.EnterAsync(cancellation);
        if (await journal.TryEmptyAsync(cancellation))
            return;
        DeletedPage? page = null;
        do
        {
            using (await _pipeline.Gate.PassAsync(cancellation))
                page = await journal.CleanAsync(batch.Id, RowsDeletedAtOnce(), page, cancellation);
            await options.Rate.SpendAsync(page.Deleted * CopyRate.BytesPerDeletedRow, cancellation);
        }
        while (page.Slot is not null);
    }
}
