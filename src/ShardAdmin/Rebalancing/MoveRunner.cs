using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Carries batches that stand in the journals to their end, each by a <see cref="BatchMover"/>.</summary>
/// <remarks>
/// Batches of one source follow each other in a pipeline, those of different sources run side by side up to the limit. A batch whose
/// connections broke is begun again, a few times. Interrupted, paused or cancelled, the batches that are past their release are
/// completed first; everything else stays in the journals as it is. While it runs, each batch's progress is reported there.
/// </remarks>
internal sealed class MoveRunner(AdminSession session, MoveRunSettings settings, MoveDisplay display)
{
    private const int MaxTries = 3;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly RingPublication _publication = PublicationOf(session);

    /// <summary>Tells this process, and this run of it, from every other in the journals.</summary>
    private readonly string _mover = $"{AdminSession.Who} pid {Environment.ProcessId} {Guid.NewGuid():N}";

    /// <param name="batches">Of one operation, whose <see cref="OperationLock"/> the caller holds.</param>
    /// <returns>How many slots were moved.</returns>
    /// <exception cref="CommandFailedException">It was paused or cancelled, another process took over, or it cannot go on.</exception>
    public async Task<int> RunAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        if (batches.Count == 0)
            return 0;
        var operation = batches[0].Batch.OperationId;
        session.LeftOff = "What has been moved is final, everything else is where it was, and every slot has an owner or gets it by resuming.";
        session.CarryOn = $"shardadmin ops resume {operation}";
        using var stop = new MoveStop(cancellation);
        try
        {
            using var gate = new SemaphoreSlim(settings.Parallel);
            await Task.WhenAll(batches.GroupBy(each => each.Source.Id).Select(same => RunSourceAsync(ring, [.. same], gate, stop)));
        }
        catch (Exception e) when (stop.Reason is not null && e is not CommandFailedException)
        {
            throw stop.Failure(operation); // whatever broke, broke because of that
        }
        await StoreListsAsync(cancellation);
        session.CarryOn = null;
        return batches.Sum(each => each.Batch.Slots.Length);
    }

    private async Task RunSourceAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, SemaphoreSlim gate, MoveStop stop)
    {
        await gate.WaitAsync(stop.Token);
        try
        {
            await RunPipelineAsync(ring, batches, stop);
        }
        catch
        {
            await stop.OthersAsync(); // they end in a safe state too, then the first failure is told
            throw;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Begun in their order, and side by side as far as their steps allow (<see cref="MovePipeline"/>).</summary>
    private async Task RunPipelineAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, MoveStop stop)
    {
        await using var pipeline = MovePipeline.Sharing(AdminSession.Configure, settings.Options);
        var rate = new CopyRate(null, within: settings.Options.Rate);
        await using var throttle = settings.Adapts
            ? await AdaptiveThrottle.StartAsync(pipeline, batches[0].Source, batches.Select(batch => ring.Find(batch.Batch.Target)).OfType<Shard>(), rate, new ThrottleLimits(), stop.Token)
            : null;
        var options = settings.Options with { Pipeline = pipeline, Rate = rate };
        var running = new List<Task>();
        foreach (var batch in batches)
        {
            while (running.Count(task => !task.IsCompleted) >= MovePipeline.MaxBatches)
                await Task.WhenAny(running.Where(task => !task.IsCompleted));
            if (running.Exists(task => task.IsFaulted) || stop.Token.IsCancellationRequested)
                break;
            running.Add(RunOrStopAsync(batch));
        }
        await Task.WhenAll(running); // those that are past their release are completed, the others end in a safe state
        stop.Token.ThrowIfCancellationRequested();

        async Task RunOrStopAsync(SourcedBatch batch)
        {
            try
            {
                await RunBatchAsync(ring, batch, options, stop);
            }
            catch
            {
                await stop.OthersAsync();
                throw;
            }
        }
    }

    private async Task RunBatchAsync(ShardRing ring, SourcedBatch each, MoveOptions shared, MoveStop stop)
    {
        var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
            ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.", "shardadmin ring show; shardadmin ops show " + each.Batch.OperationId);
        for (var attempt = 1; ; attempt++)
        {
            stop.Token.ThrowIfCancellationRequested();
            var journal = new MoveJournal(session.Source(each.Source));
            string? problem = null;
            try
            {
                await RunAttemptAsync(journal, each, target, shared, stop);
                display.Finish(each);
                return;
            }
            catch (AttemptOverException) when (stop.Reason is null)
            {
                await stop.BecauseAsync(ReportAnswer.Lost);
                throw;
            }
            catch (Exception e) when (attempt < MaxTries && !stop.Token.IsCancellationRequested && (e is ChangesDoNotFitException or StreamBrokenException or NpgsqlException { IsTransient: true }))
            {
                problem = e.Message;
                session.Output.Note($"Batch {each.Batch.Ordinal + 1} begins again: {e.Message}");
            }
            catch (MoveFailedException e)
            {
                problem = e.Message;
                throw new CommandFailedException(ExitCode.Failed, e.Message, $"shardadmin ops resume {each.Batch.OperationId}");
            }
            finally
            {
                await LetGoAsync(journal, each.Batch.Id, problem);
            }
            await Task.Delay(RetryPause, stop.Token);
        }
    }

    private async Task RunAttemptAsync(MoveJournal journal, SourcedBatch each, Shard target, MoveOptions shared, MoveStop stop)
    {
        var wish = await journal.ClaimAsync(each.Batch.Id, _mover, stop.Token);
        if (wish is null || await journal.FindAsync(each.Batch.Id, stop.Token) is not { } batch)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Batch {each.Batch.Id} is no longer in the journal of {each.Source.Id}: another process completed or cancelled it.", $"shardadmin ops show {each.Batch.OperationId}");
        if (wish != MoveWish.Run && !batch.IsReleased())
        {
            await stop.BecauseAsync(wish == MoveWish.Pause ? ReportAnswer.Pause : ReportAnswer.Cancel);
            stop.Token.ThrowIfCancellationRequested();
        }
        var progress = display.Begin(each);
        await using var heartbeat = MoveHeartbeat.Start(journal, batch.Id, _mover, progress, stop);
        var options = shared with
        {
            Progress = progress,
            OnStep = async (step, token) =>
            {
                await session.Failpoint.ReachedAsync(Failpoint(step), token);
                if (step is MoveStep.CatchUp or MoveStep.Verify) // the copy, and everything, is counted; writes are not held here
                    await heartbeat.ReportAsync(token);
            },
        };
        // Released slots may have nobody who serves them: those go on whatever anybody wishes.
        var token = batch.IsReleased() ? CancellationToken.None : stop.Token;
        await new BatchMover(each.Source, target, AdminSession.Configure, _publication, options).RunAsync(batch.Id, AdminSession.Who, takeOver: true, token);
    }

    private async Task LetGoAsync(MoveJournal journal, Guid batch, string? problem)
    {
        try
        {
            await journal.LetGoAsync(batch, _mover, problem, CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // The source is away; the lock that goes with us tells the same.
        }
    }

    public static BatchMover MoverOf(AdminSession session, Shard source, Shard target, MoveOptions options) =>
        new(source, target, AdminSession.Configure, PublicationOf(session), options);

    private static RingPublication PublicationOf(AdminSession session) =>
        new(session.Rings, AdminSession.Who, (ring, cancellation) => BasisAsync(session, ring, cancellation));

    /// <summary>The failpoint of a step: <c>move-copy</c>, <c>move-release</c>, ….</summary>
    public static string Failpoint(MoveStep step) => "move-" + step.ToString().ToLowerInvariant();

    /// <summary>The shards decide, so a slot that exactly one of them owns is its, whatever Redis says.</summary>
    private static async Task<RingBasis> BasisAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var known = await RingKnowledge.ReadReachableAsync(session, ring, cancellation);
        try
        {
            known.RequireNotSetBack([]);
        }
        catch (CommandFailedException e)
        {
            throw new MoveFailedException($"{e.Message} First: {e.Failure.Next}.");
        }
        return new RingBasis(known.Next, [.. Slot.All.Select(slot => known.Ownership.OwnersOf(slot) is [var owner] ? owner : ring.OwnerOf(slot).Id)]);
    }

    /// <summary>Once at the end: each batch published an epoch of its own, of which the shards' copies know nothing.</summary>
    private async Task StoreListsAsync(CancellationToken cancellation) =>
        await new RingPublisher(session).StoreListsAsync(await session.RequireRingAsync(cancellation), cancellation);
}
