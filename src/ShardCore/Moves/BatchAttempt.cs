using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// One attempt at steps 1 to 6 of <see cref="BatchMover"/>, which has the steps and the argument for them, and then the
/// <see cref="HandOver"/>. A failed attempt leaves a journal row, and rows at the target that nobody can see.
/// </summary>
internal sealed class BatchAttempt(Guid id, MoveEnds ends, MoveJournal journal, RingPublication ring, MoveOptions options)
{
    /// <param name="known">The last attempt that the target knows; 0: none.</param>
    /// <returns>How long writes to the slots were held.</returns>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException" />
    public async Task<TimeSpan> RunAsync(MoveBatch batch, int known, string by, bool takeOver, CancellationToken cancellation)
    {
        using var preparing = await ends.Pipeline.Prepare.EnterAsync(cancellation);
        await options.StepAsync(MoveStep.Begin, cancellation);
        var epoch = await NextEpochAsync(batch, cancellation); // already here and not at the hand-over, because Redis may be slow
        var attempt = await journal.BeginAsync(batch.Id, by, takeOver, least: known + 1, cancellation);

        await options.StepAsync(MoveStep.Import, cancellation);
        // This session must be opened before anything is brought to the target. Otherwise it could not notice that the target lost some of
        // it.
        await using var session = await TargetSession.OpenAsync(ends.Lasting(id, attempt), cancellation);
        var to = ends.Importing(id, attempt);
        var import = new MoveImport(to, id, batch.Slots, attempt);
        await import.BeginAsync(ends.Source.Id, epoch, cancellation);

        // The publication must come before the replication slot, because decoding looks it up in the catalog as of each change.
        await options.StepAsync(MoveStep.Publication, cancellation);
        string publication;
        using (await ends.Pipeline.Gate.PassAsync(cancellation))
        {
            if (attempt > 1)
                await MovePublication.DropAsync(ends.From, id, attempt, cancellation); // publications of earlier attempts
            publication = await MovePublication.CreateAsync(ends.From, batch, attempt, options.StepLimit, cancellation);
        }

        // Not later: once there is a replication slot, the source keeps WAL for this batch.
        using var copying = await ends.Pipeline.Copy.EnterAsync(cancellation);
        preparing.Dispose(); // the next batch may be prepared
        await options.StepAsync(MoveStep.ReplicationSlot, cancellation);
        await using var stream = await StreamAsync(
            await ends.ReplicationAsync(id, attempt, options.SnapshotLimit, cancellation), publication, cancellation);

        await ExportedSnapshot.SettleAsync(ends.From, stream.SnapshotName, options.StepLimit, cancellation);

        // Every copying connection imports the snapshot before the stream is started, because that ends the snapshot.
        await options.StepAsync(MoveStep.Copy, cancellation);
        await ItemTable.RequireNoOtherColumnAsync(ends.From, ends.Source.Id, id, "Nothing was copied.", cancellation);
        using var collections = new CollectionTransfer(ends.From, to, import);
        await new SlotCopier(ends.From, to, import, collections, options.Rate, ends.Pipeline.Gate, options.Progress).CopyAsync(
            batch.Slots, stream.SnapshotName, options.CopyConnections, options.BytesPlanned, cancellation);

        using var handingOver = await ends.Pipeline.HandOver.EnterAsync(cancellation);
        copying.Dispose(); // the next batch may be copied
        await options.StepAsync(MoveStep.CatchUp, cancellation);
        await using var applier = await ChangeApplier.OpenAsync(to, import, collections, cancellation);
        await using var catchUp = CatchUp.Start(stream, applier, options.ApplyBatch, options.Progress);
        return await new HandOver(id, attempt, epoch, ends, session, import, options).RunAsync(catchUp, cancellation);
    }

    /// <exception cref="AttemptOverException">Another mover has released the slots meanwhile, so they belong to another shard.</exception>
    private async Task<Epoch> NextEpochAsync(MoveBatch batch, CancellationToken cancellation)
    {
        try
        {
            return await ring.NextEpochAsync(batch, ends.Source.Id, cancellation);
        }
        catch (MoveFailedException e)
        {
            if (await journal.FindAsync(id, cancellation) is { } now && MoveDecision.MayCancel(now.Phase))
                throw;
            throw new AttemptOverException($"Batch {id} was carried on by another mover.", e);
        }
    }

    /// <summary>
    /// Opens the stream. Its snapshot waits for the transactions that run at the source. If one of them takes long, the error names it, so
    /// that a person can end it.
    /// </summary>
    private async Task<ChangeStream> StreamAsync(string connectionString, string publication, CancellationToken cancellation)
    {
        try
        {
            return await ChangeStream.OpenAsync(connectionString, publication, publication, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new MoveFailedException(
                $"Batch {id}: a transaction at {ends.Source.Id} has been running for longer than {options.SnapshotLimit}, "
                    + $"and the copy can only begin once it ended: {await OldestTransaction.DescribeAsync(ends.From, cancellation)}.");
        }
    }
}
