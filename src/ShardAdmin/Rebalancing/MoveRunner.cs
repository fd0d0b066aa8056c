using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Rebalancing;

/// <summary>Carries batches that stand in the journals to their end, each by a <see cref="BatchMover"/>.</summary>
/// <remarks>
/// Batches of one source follow each other in a pipeline, those of different sources run side by side up to the limit. A batch whose
/// connections broke is begun again, a few times. Interrupted, paused or cancelled, the batches that are past their release are
/// completed first, all but the deletion of the source's rows; everything else stays in the journals as it is. While it runs, each batch's progress is reported there.
/// </remarks>
internal sealed class MoveRunner(AdminSession session, MoveRunSettings settings, OperationLock held, MoveDisplay display)
{
    private const int MaxTries = 3;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly RingPublication _publication = PublicationOf(session);

    /// <param name="batches">Of the operation whose lock is held.</param>
    /// <returns>How many slots were moved.</returns>
    /// <exception cref="CommandFailedException">It was paused or cancelled, another process took over, or it cannot go on.</exception>
    public async Task<int> RunAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        if (batches.Count == 0)
            return 0;
        var operation = batches[0].Batch.OperationId;
        session.LeftOff = "What has been moved is final, everything else is where it was, and every slot has an owner or gets it by resuming. An agent, if one runs, goes on by itself.";
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
        await using var pipeline = MovePipeline.Sharing(AdminSession.Configure, settings.Options, batches.Select(each => each.Batch.Id));
        var rate = new CopyRate(null, within: settings.Options.Rate);
        await using var throttle = settings.Adapts
            ? await AdaptiveThrottle.StartAsync(pipeline, batches[0].Source, batches.Select(batch => ring.Find(batch.Batch.Target)).OfType<Shard>(), rate, new ThrottleLimits(), stop.Token)
            : null;
        var options = settings.Options with { Pipeline = pipeline, Rate = rate };
        var running = new List<Task>();
        foreach (var batch in batches)
        {
            await pipeline.EnterAsync(stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.Token.IsCancellationRequested)
                break; // also when one has failed
            running.Add(RunOrStopAsync(batch));
        }
        foreach (var never in batches.Skip(running.Count))
            pipeline.Leave(never.Batch.Id); // nobody may wait for them
        await Task.WhenAll(running); // those that are past their release are completed but for the cleaning, the others end in a safe state
        if (running.Count < batches.Count)
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
            finally
            {
                pipeline.Leave(batch.Batch.Id);
            }
        }
    }

    private async Task RunBatchAsync(ShardRing ring, SourcedBatch each, MoveOptions shared, MoveStop stop)
    {
        var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
            ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.", "shardadmin ring show; shardadmin ops show " + each.Batch.OperationId);
        var journal = new MoveJournal(session.Source(each.Source));
        string? problem = null;
        try
        {
            for (var attempt = 1; ; attempt++)
                try
                {
                    stop.Token.ThrowIfCancellationRequested();
                    await RequireOursAsync(journal, each, isAgain: attempt > 1, stop);
                    await RunAttemptAsync(journal, each, target, shared, stop);
                    display.Finish(each);
                    return;
                }
                catch (Exception e) when (attempt < MaxTries && !stop.Token.IsCancellationRequested && IsPassing(e))
                {
                    problem = e.Message;
                    session.Output.Note($"Batch {each.Batch.Ordinal + 1} begins again: {e.Message}");
                    await Task.Delay(RetryPause, stop.Token);
                }
        }
        catch (AttemptOverException) when (stop.Reason is null)
        {
            await stop.BecauseAsync(ReportAnswer.Lost);
            throw;
        }
        catch (MoveFailedException e)
        {
            problem = e.Message;
            throw new CommandFailedException(ExitCode.Failed, e.Message, $"shardadmin ops resume {each.Batch.OperationId}");
        }
        catch (Exception e) when (e is not (OperationCanceledException or CommandFailedException or AttemptOverException))
        {
            if (!stop.Token.IsCancellationRequested) // else it broke because of that
                problem = e.Message;
            throw new BatchBrokenException(each, e);
        }
        finally
        {
            await LetGoAsync(journal, each.Batch.Id, problem);
        }
    }

    /// <summary>Before each attempt: a connection that broke may have been ended by whoever takes over, and a lock may be gone.</summary>
    private async Task RequireOursAsync(MoveJournal journal, SourcedBatch each, bool isAgain, MoveStop stop)
    {
        var lost = !await held.EnsureAsync(stop.Token)
            || (isAgain && await journal.ReportAsync(each.Batch.Id, held.Mover, new MoveProgress(), stop.Token) == ReportAnswer.Lost);
        if (!lost)
            return;
        await stop.BecauseAsync(ReportAnswer.Lost);
        stop.Token.ThrowIfCancellationRequested();
    }

    private async Task RunAttemptAsync(MoveJournal journal, SourcedBatch each, Shard target, MoveOptions shared, MoveStop stop)
    {
        var wish = await journal.ClaimAsync(each.Batch.Id, held.Mover, stop.Token);
        if (wish is null || await journal.FindAsync(each.Batch.Id, stop.Token) is not { } batch)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Batch {each.Batch.Id} is no longer in the journal of {each.Source.Id}: another process completed or cancelled it.", $"shardadmin ops show {each.Batch.OperationId}");
        if (wish != MoveWish.Run && !batch.IsReleased())
        {
            await stop.BecauseAsync(wish == MoveWish.Pause ? ReportAnswer.Pause : ReportAnswer.Cancel);
            stop.Token.ThrowIfCancellationRequested();
        }
        var progress = display.Begin(each);
        await using var heartbeat = MoveHeartbeat.Start(journal, batch.Id, held.Mover, wish.Value, progress, stop);
        var options = shared with
        {
            BytesPlanned = each.Bytes,
            Progress = progress,
            OnStep = async (step, token) =>
            {
                await session.Failpoint.ReachedAsync(Failpoint(step), token);
                if (step is MoveStep.CatchUp or MoveStep.Verify) // the copy, and everything, is counted; writes are not held here
                    await heartbeat.ReportAsync(token);
            },
        };
        await MoverOf(each.Source, target, _publication, options).RunAsync(batch.Id, AdminSession.Who, takeOver: true, stop.Token);
    }

    /// <summary>Worth another try at once, if it is ours still (<see cref="RequireOursAsync"/>): an attempt is over also when its freeze was.</summary>
    private static bool IsPassing(Exception e) => e is AttemptOverException or ChangesDoNotFitException or StreamBrokenException or SessionLostException or ShardUnreachableException or NpgsqlException { IsTransient: true };

    private async Task LetGoAsync(MoveJournal journal, Guid batch, string? problem)
    {
        try
        {
            await journal.LetGoAsync(batch, held.Mover, problem, CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // The source is away; the lock that goes with us tells the same.
        }
    }

    public static BatchMover MoverOf(AdminSession session, Shard source, Shard target, MoveOptions options) => MoverOf(source, target, PublicationOf(session), options);

    private static BatchMover MoverOf(Shard source, Shard target, RingPublication publication, MoveOptions options) => new(source, target, AdminSession.Configure, publication, options);

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
    private async Task StoreListsAsync(CancellationToken cancellation)
    {
        try
        {
            await new RingPublisher(session).StoreListsAsync(await session.RequireRingAsync(cancellation), cancellation);
        }
        catch (Exception e) when (e is ShardUnreachableException or RedisUnavailableException)
        {
            session.Output.Warn($"Everything has moved, but not every shard has the new shard list: {e.Message} 'shardadmin doctor' tells, the next move mends it.");
        }
    }
}
