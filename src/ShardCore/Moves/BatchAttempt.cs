using System.Diagnostics;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Moves;

/// <summary>
/// One attempt at steps 1 to 10 of <see cref="BatchMover"/>, where the steps and the argument for them are told. What it
/// leaves when it fails: a journal row, and rows at the target that nobody can see.
/// </summary>
/// <param name="atHandOver">Gets the target's session, with its state at the release.</param>
internal sealed class BatchAttempt(Guid id, MoveEnds ends, MoveJournal journal, RingPublication ring, MoveOptions options, Action<TargetSession> atHandOver)
{
    /// <returns>How long writes to the slots were held.</returns>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException" />
    public async Task<TimeSpan> RunAsync(MoveBatch batch, string by, bool takeOver, CancellationToken cancellation)
    {
        using var preparing = await ends.Pipeline.Prepare.EnterAsync(cancellation);
        await options.StepAsync(MoveStep.Begin, cancellation);
        await options.Rate.SpendAsync(CopyRate.BytesPerBatch, cancellation);
        var epoch = await ring.NextEpochAsync(cancellation); // first, and not at the hand-over: Redis may be slow
        var attempt = await journal.BeginAsync(batch.Id, by, takeOver, cancellation);

        await options.StepAsync(MoveStep.Import, cancellation);
        // Before anything is brought there, or it could not tell that the target lost some of it.
        var session = await TargetSession.OpenAsync(ends.Lasting(id, attempt), cancellation);
        atHandOver(session);
        var to = ends.Importing(id, attempt);
        var import = new MoveImport(to, batch, attempt);
        await import.BeginAsync(ends.Source.Id, epoch, cancellation);

        // The publication before the replication slot: decoding looks it up in the catalog as of each change.
        await options.StepAsync(MoveStep.Publication, cancellation);
        await MovePublication.DropAsync(ends.From, id, attempt, cancellation);
        var publication = await MovePublication.CreateAsync(ends.From, batch, attempt, cancellation);

        using var copying = await ends.Pipeline.Copy.EnterAsync(cancellation); // not later: from the slot on the source keeps WAL for this batch
        preparing.Dispose(); // the next batch may be prepared
        await options.StepAsync(MoveStep.ReplicationSlot, cancellation);
        await using var stream = await ChangeStream.OpenAsync(ends.Replication(id, attempt), publication, publication, cancellation);

        await ExportedSnapshot.SettleAsync(ends.From, stream.SnapshotName, options.StepLimit, cancellation);

        // Every copying connection imports the snapshot before the stream is started, which ends the snapshot.
        await options.StepAsync(MoveStep.Copy, cancellation);
        await new SlotCopier(ends.From, to, import, options.Rate, options.Progress).CopyAsync(batch.Slots, stream.SnapshotName, options.CopyConnections, cancellation);

        using var handingOver = await ends.Pipeline.HandOver.EnterAsync(cancellation);
        copying.Dispose(); // the next batch may be copied
        await options.StepAsync(MoveStep.CatchUp, cancellation);
        await using var catchUp = CatchUp.Start(stream, new ChangeApplier(to, import), options.ApplyBatch, options.Progress);
        var held = await FreezeAndDrainAsync(attempt, catchUp, cancellation);
        await HandOverAsync(attempt, epoch, session, import, held);
        return held.Elapsed;
    }

    /// <summary>Steps 9 and 10 with the slots frozen and the target level with the source.</summary>
    /// <remarks>
    /// Takes no cancellation: broken off here the slots would stay frozen, and broken off within the release nobody would
    /// know whether the target has to own them. The target's commits are flushed before the release, on the one session that
    /// a crash of the target cannot have renewed; after it nothing may be lost there any more.
    /// </remarks>
    private async Task HandOverAsync(int attempt, Epoch epoch, TargetSession session, MoveImport import, Stopwatch held)
    {
        try
        {
            await session.FlushAsync(import, CancellationToken.None);
            await session.KeepSnapshotAsync(CancellationToken.None); // the target as it is now, to be compared after the hand-over
        }
        catch
        {
            await journal.UnfreezeAsync(id, attempt, CancellationToken.None); // nothing is released yet
            throw;
        }
        await options.StepAsync(MoveStep.Release, CancellationToken.None);
        await journal.ReleaseAsync(id, attempt, epoch, CancellationToken.None);
        // At once: until the target owns them nobody serves the slots.
        if (await journal.FindAsync(id, CancellationToken.None) is { Phase: MovePhase.Released } released) // or another mover did this meanwhile
            await BatchMover.OwnAsync(released, ends, journal, options, held, CancellationToken.None);
    }

    /// <returns>Runs since the freeze began, with the slots frozen and the target level with the source.</returns>
    private async Task<Stopwatch> FreezeAndDrainAsync(int attempt, CatchUp catchUp, CancellationToken cancellation)
    {
        for (var freeze = 1; freeze <= options.MaxFreezes; freeze++)
        {
            await CatchUpAsync(catchUp, cancellation);
            await options.StepAsync(MoveStep.Freeze, cancellation);
            var marker = Marker("freeze");
            catchUp.Expect(marker);
            var held = Stopwatch.StartNew();
            if (!await journal.TryFreezeAsync(id, attempt, marker, options.FreezeDeadline, options.LockTimeout, cancellation))
            {
                await Task.Delay(Random.Shared.Next(5, 50), cancellation); // writers stayed inside; not again at once
                continue;
            }
            if (await DrainedAsync(attempt, catchUp, marker, held, cancellation))
                return held;
        }
        throw new MoveFailedException($"Batch {id}: writes to its slots could not be stopped for {options.MaxPause.TotalMilliseconds} ms in {options.MaxFreezes} tries. Its slots are owned by {ends.Source.Id} as before.");
    }

    /// <returns>False: the target was not level in time; the slots are thawed and the same attempt goes on.</returns>
    private async Task<bool> DrainedAsync(int attempt, CatchUp catchUp, string marker, Stopwatch held, CancellationToken cancellation)
    {
        try
        {
            await options.StepAsync(MoveStep.Drain, cancellation);
            var left = options.MaxPause * MoveOptions.DrainShareOfPause - held.Elapsed;
            if (left > TimeSpan.Zero && await catchUp.SeenAsync(marker, left, cancellation))
                return true;
        }
        catch
        {
            // We are about to fail, and can still end the freeze at once instead of leaving it to its deadline.
            await journal.UnfreezeAsync(id, attempt, CancellationToken.None);
            throw;
        }
        return await journal.UnfreezeAsync(id, attempt, CancellationToken.None)
            ? false
            : throw new AttemptOverException($"Batch {id}: its freeze was ended, by a write that came after its deadline or by another mover.");
    }

    /// <summary>Returns when a marker goes from source to target within <see cref="MoveOptions.FreezeWhenLagBelow"/>.</summary>
    private async Task CatchUpAsync(CatchUp catchUp, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ;)
        {
            var marker = Marker("lag");
            catchUp.Expect(marker);
            var lag = Stopwatch.StartNew();
            await journal.MarkAsync(marker, cancellation);
            var seen = await catchUp.SeenAsync(marker, options.StepLimit, cancellation);
            options.Progress.Lag = lag.Elapsed;
            if (seen && lag.Elapsed < options.FreezeWhenLagBelow)
                return;
            if (clock.Elapsed > options.StepLimit)
                throw new MoveFailedException($"Batch {id}: the target did not catch up within {options.StepLimit}; it is {lag.Elapsed.TotalSeconds:0.0} s behind. Writes come faster than it can apply them.");
        }
    }

    private string Marker(string kind) => $"{id}/{kind}/{Guid.NewGuid():N}";
}
