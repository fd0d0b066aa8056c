using System.Diagnostics;
using Npgsql;
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
/// a snapshot; 5 copy the slots as of that snapshot; 6 apply the changes since, until the target is nearly level;
/// 7 freeze the slots and put a marker into the WAL; 8 wait until the marker has been applied: target = source;
/// 9 release: frozen → released. From there only forward:
/// 10 own: importing → owned; 11 publish the ring; 12 compare both sides; 13 delete the source's rows; 14 close the journal.</para>
/// <para>Invariants. (a) At no moment do two shards take writes to a slot: the target owns only after the source released,
/// and a released slot refuses. (b) A write that was acknowledged is at the target before it owns: the freeze waits
/// (exclusive slot lock) for every writer that passed the fence, the marker's commit is behind theirs, the stream is in
/// commit order, and 9 comes after the marker was applied. (c) Two movers cannot both act: each step is a compare-and-set
/// on the attempt, in the same transaction as its effect; a mover that slept through a takeover fails at its next one.
/// Bringing rows to the target is such a step too (<see cref="MoveImport.CheckAsync"/>). (d) No decision rests on a clock:
/// a freeze past its deadline is ended by changing the attempt, not by assuming that its mover noticed the time.</para>
/// <para>What a crash leaves. Up to 6: a journal row and rows that nobody can see; the next attempt starts over. At 7–8:
/// frozen slots, thawed by the first write that meets them after the deadline, or by the next attempt. After 9: the
/// journal says released, and whoever resumes goes forward. The replication slot is gone with its connection; the
/// publication is dropped by the next attempt or at the end.</para>
/// </remarks>
public sealed class BatchMover(Shard source, Shard target, Action<NpgsqlConnectionStringBuilder> configure, RingPublication ring, MoveOptions options)
{
    /// <summary>Carries the batch on from wherever it is to its end.</summary>
    /// <param name="by">Who: user@host and command, for the history.</param>
    /// <param name="takeOver">The caller knows that no other mover works on it, so a freeze need not be waited out.</param>
    /// <param name="cancellation">Heeded before the release; after it the hand-over is completed first.</param>
    /// <exception cref="AttemptOverException">Another mover took over; it is theirs.</exception>
    /// <exception cref="MoveFailedException" />
    public async Task RunAsync(Guid batchId, string by, bool takeOver, CancellationToken cancellation)
    {
        await using var from = SourceOf(source, "shardadmin");
        await using var to = SourceOf(target, "shardadmin");
        var journal = new MoveJournal(from);
        await using var atHandOver = new TargetSnapshot();
        while (await journal.FindAsync(batchId, cancellation) is { } batch)
        {
            switch (MoveDecision.Next(batch.Phase))
            {
                case MoveWork.CopyAndRelease:
                    await CopyAndReleaseAsync(batch, journal, from, by, takeOver, atHandOver, cancellation);
                    cancellation = CancellationToken.None; // point of no return: forward only, whatever the caller wishes
                    break;
                case MoveWork.Own:
                    if (!atHandOver.IsTaken)
                        await atHandOver.TakeUnlessOwnedAsync(to, batch, cancellation);
                    await OwnAsync(batch, journal, to, cancellation);
                    break;
                case MoveWork.Publish:
                    await StepAsync(MoveStep.Publish, cancellation);
                    await ring.PublishAsync(batch, source.Id, token => journal.HasGivenAwayAsync(batch, token), cancellation);
                    await journal.AdvanceAsync(batch.Id, MovePhase.Owned, MovePhase.Published, cancellation);
                    break;
                case MoveWork.Verify:
                    await VerifyAsync(batch, journal, from, to, atHandOver, cancellation);
                    break;
                default:
                    await CleanAndFinishAsync(batch, journal, from, to, cancellation);
                    break;
            }
        }
    }

    /// <summary>Takes a batch back that has not been released: the source stays the owner, the target forgets it.</summary>
    /// <returns>False: it is past the point of no return, or was never there, or another mover began it anew meanwhile.</returns>
    public async Task<bool> CancelAsync(Guid batchId, CancellationToken cancellation)
    {
        await using var from = SourceOf(source, "shardadmin");
        await using var to = SourceOf(target, "shardadmin");
        var journal = new MoveJournal(from);
        if (await journal.FindAsync(batchId, cancellation) is not { } batch || !MoveDecision.MayCancel(batch.Phase))
            return false;
        // A new attempt first: it ends whoever copies. Then the target, then the journal row, by which a crash between is found.
        var attempt = await journal.BeginAsync(batchId, "cancel", force: true, cancellation);
        // Each is of this attempt only: a mover that begins the next one meanwhile keeps what is its own.
        var import = new MoveImport(to, batch, attempt);
        await import.BeginAsync(source.Id, await ring.NextEpochAsync(cancellation), cancellation);
        await StepAsync(MoveStep.Import, cancellation);
        if (!await import.CancelAsync(cancellation))
            return false;
        await MovePublication.DropAsync(from, batchId, attempt, cancellation);
        return await journal.CancelAsync(batchId, attempt, cancellation);
    }

    private async Task CopyAndReleaseAsync(
        MoveBatch batch, MoveJournal journal, NpgsqlDataSource from, string by, bool takeOver, TargetSnapshot atHandOver, CancellationToken cancellation)
    {
        await StepAsync(MoveStep.Begin, cancellation);
        var attempt = await journal.BeginAsync(batch.Id, by, takeOver, cancellation);

        await StepAsync(MoveStep.Import, cancellation);
        await using var to = SourceOf(target, MoveImport.NameOf(batch.Id, attempt));
        var import = new MoveImport(to, batch, attempt);
        await import.BeginAsync(source.Id, await ring.NextEpochAsync(cancellation), cancellation);

        // The publication before the replication slot: decoding looks it up in the catalog as of each change.
        await StepAsync(MoveStep.Publication, cancellation);
        await MovePublication.DropAsync(from, batch.Id, attempt, cancellation);
        var publication = await MovePublication.CreateAsync(from, batch, attempt, cancellation);

        await StepAsync(MoveStep.ReplicationSlot, cancellation);
        await using var stream = await ChangeStream.OpenAsync(ReplicationSettings(batch.Id, attempt), publication, publication, cancellation);

        // Every copying connection imports the snapshot before the stream is started, which ends the snapshot.
        await StepAsync(MoveStep.Copy, cancellation);
        await new SlotCopier(from, to, import, options.Rate, options.Progress).CopyAsync(batch.Slots, stream.SnapshotName, options.CopyConnections, cancellation);

        await StepAsync(MoveStep.CatchUp, cancellation);
        await using var catchUp = CatchUp.Start(stream, new ChangeApplier(to, import), options.ApplyBatch, options.Progress);
        var epoch = await ring.NextEpochAsync(cancellation); // before the freeze: Redis may be slow
        var held = await FreezeAndDrainAsync(batch.Id, attempt, journal, catchUp, cancellation);

        // No cancellation any more: broken off here the slots would stay frozen, and broken off within the release nobody
        // would know whether the target has to own them.
        await atHandOver.TakeAsync(to, CancellationToken.None); // the target as it is now, to be compared after the hand-over
        await StepAsync(MoveStep.Release, CancellationToken.None);
        await journal.ReleaseAsync(batch.Id, attempt, epoch, CancellationToken.None);
        options.Progress.Pause = held.Elapsed;
        await journal.NoteAsync(batch.Id, options.Progress.Bytes, options.Progress.Changes, held.Elapsed.TotalMilliseconds, CancellationToken.None);
    }

    /// <returns>Runs since the freeze began, with the slots frozen and the target level with the source.</returns>
    private async Task<Stopwatch> FreezeAndDrainAsync(Guid id, int attempt, MoveJournal journal, CatchUp catchUp, CancellationToken cancellation)
    {
        for (var freeze = 1; freeze <= options.MaxFreezes; freeze++)
        {
            await CatchUpAsync(id, journal, catchUp, cancellation);
            await StepAsync(MoveStep.Freeze, cancellation);
            var marker = Marker(id, "freeze");
            catchUp.Expect(marker);
            var held = Stopwatch.StartNew();
            if (!await journal.TryFreezeAsync(id, attempt, marker, options.FreezeDeadline, options.LockTimeout, cancellation))
            {
                await Task.Delay(Random.Shared.Next(5, 50), cancellation); // writers stayed inside; not again at once
                continue;
            }
            if (await DrainedAsync(id, attempt, journal, catchUp, marker, cancellation))
                return held;
        }
        throw new MoveFailedException($"Batch {id}: writes to its slots could not be stopped for {options.MaxPause.TotalMilliseconds} ms in {options.MaxFreezes} tries. Its slots are owned by {source.Id} as before.");
    }

    /// <returns>False: the target was not level in time; the slots are thawed and the same attempt goes on.</returns>
    private async Task<bool> DrainedAsync(Guid id, int attempt, MoveJournal journal, CatchUp catchUp, string marker, CancellationToken cancellation)
    {
        try
        {
            await StepAsync(MoveStep.Drain, cancellation);
            if (await catchUp.SeenAsync(marker, options.MaxPause, cancellation))
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
            : throw new MoveFailedException($"Batch {id}: the freeze was ended by another hand; begin again with 'shardadmin ops resume'.");
    }

    /// <summary>Returns when a marker goes from source to target within <see cref="MoveOptions.FreezeWhenLagBelow"/>.</summary>
    private async Task CatchUpAsync(Guid id, MoveJournal journal, CatchUp catchUp, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); ;)
        {
            var marker = Marker(id, "lag");
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

    private async Task OwnAsync(MoveBatch batch, MoveJournal journal, NpgsqlDataSource to, CancellationToken cancellation)
    {
        await StepAsync(MoveStep.Own, cancellation);
        if (!await MoveImport.OwnAsync(to, batch, cancellation))
        {
            if (await journal.FindAsync(batch.Id, cancellation) is not { Phase: MovePhase.Released })
                return; // another mover did this, and perhaps all the rest, meanwhile
            throw new MoveFailedException($"Batch {batch.Id} was released to {target.Id}, which does not know attempt {batch.Attempt} of it. Nobody serves its slots: restore {target.Id}, then 'shardadmin ops resume'.");
        }
        await journal.AdvanceAsync(batch.Id, MovePhase.Released, MovePhase.Owned, cancellation);
    }

    private async Task VerifyAsync(MoveBatch batch, MoveJournal journal, NpgsqlDataSource from, NpgsqlDataSource to, TargetSnapshot atHandOver, CancellationToken cancellation)
    {
        await StepAsync(MoveStep.Verify, cancellation);
        await MovePublication.DropAsync(from, batch.Id, batch.Attempt, cancellation);
        var differences = await DifferencesAsync(batch, from, to, atHandOver, cancellation);
        // Still in this phase, so nobody has begun to clean meanwhile, which would look like a difference.
        if (differences.Count > 0 && await journal.FindAsync(batch.Id, cancellation) is { Phase: MovePhase.Published })
            throw new MoveFailedException($"Batch {batch.Id}: source and target differ in the slots {string.Join(',', differences)}. The source's rows are kept.");
        await journal.AdvanceAsync(batch.Id, MovePhase.Published, MovePhase.Verified, cancellation);
    }

    /// <summary>The source's rows, which do not change any more, with the target's as they were at the hand-over, or, when another
    /// process carries on and the target has taken writes since, with what of them must have stayed.</summary>
    private static async Task<IReadOnlyList<Slot>> DifferencesAsync(
        MoveBatch batch, NpgsqlDataSource from, NpgsqlDataSource to, TargetSnapshot atHandOver, CancellationToken cancellation)
    {
        if (!atHandOver.IsTaken)
            return (await HandOverComparison.RunAsync(from, to, batch.Slots, batch.VersionFloor!.Value, cancellation)).Differing;
        await using var connection = await from.OpenConnectionAsync(cancellation);
        var left = await SlotChecksums.ReadAsync(connection, batch.Slots, null, cancellation);
        var differences = SlotChecksums.Differences(left, await atHandOver.ChecksumsAsync(batch.Slots, cancellation));
        await atHandOver.DisposeAsync();
        return differences;
    }

    private async Task CleanAndFinishAsync(MoveBatch batch, MoveJournal journal, NpgsqlDataSource from, NpgsqlDataSource to, CancellationToken cancellation)
    {
        await StepAsync(MoveStep.Clean, cancellation);
        await Task.Delay(options.GraceBeforeCleaning, cancellation);
        while (await journal.CleanAsync(batch.Id, options.CleanBatch, cancellation) > 0)
        {
            // more of them
        }
        await StepAsync(MoveStep.Finish, cancellation);
        await MovePublication.DropAsync(from, batch.Id, batch.Attempt, cancellation);
        await MoveImport.FinishAsync(to, batch.Id, cancellation);
        await journal.FinishAsync(batch.Id, source.Id, cancellation);
    }

    private Task StepAsync(MoveStep step, CancellationToken cancellation)
    {
        options.Progress.Step = step;
        return options.OnStep(step, cancellation);
    }

    private NpgsqlDataSource SourceOf(Shard shard, string applicationName) => ShardDataSources.Build(Settings(shard, applicationName));

    private string ReplicationSettings(Guid id, int attempt)
    {
        var settings = Settings(source, MoveImport.NameOf(id, attempt));
        settings.Pooling = false;
        return settings.ConnectionString;
    }

    private NpgsqlConnectionStringBuilder Settings(Shard shard, string applicationName)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = shard.Host, Port = shard.Port, Database = shard.Database };
        configure(settings);
        settings.ApplicationName = applicationName;
        settings.CommandTimeout = (int)options.StepLimit.TotalSeconds;
        return settings;
    }

    private static string Marker(Guid id, string kind) => $"{id}/{kind}/{Guid.NewGuid():N}";
}
