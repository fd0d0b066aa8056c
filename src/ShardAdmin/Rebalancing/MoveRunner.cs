using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>Carries batches that stand in the journals to their end, each by a <see cref="BatchMover"/>.</summary>
/// <remarks>
/// Batches of one source follow each other in a pipeline, those of different sources run side by side up to the limit. A batch whose
/// connections broke is begun again, a few times. Interrupted, the batch that is past its release is completed first;
/// everything else stays in the journals for <c>ops resume</c>.
/// </remarks>
internal sealed class MoveRunner(AdminSession session, MoveRunSettings settings)
{
    private const int MaxTries = 3;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    private readonly RingPublication _publication = PublicationOf(session);

    /// <param name="batches">Of one operation.</param>
    /// <returns>How many slots were moved.</returns>
    /// <exception cref="CommandFailedException">Another process took over, or it cannot go on.</exception>
    public async Task<int> RunAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, bool takeOver, CancellationToken cancellation)
    {
        if (batches.Count == 0)
            return 0;
        var operation = batches[0].Batch.OperationId;
        session.LeftOff = "What has been moved is final, everything else is where it was, and every slot has an owner or gets it by resuming.";
        session.CarryOn = $"shardadmin ops resume {operation}";
        await using var held = await OperationLock.TakeAsync(session, operation, batches.Select(each => each.Source), takeOver, cancellation);
        var display = new MoveDisplay(batches);
        await session.Output.WithLiveAsync(display.Render, display.Changes, async () =>
        {
            using var gate = new SemaphoreSlim(settings.Parallel);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAll(batches.GroupBy(each => each.Source.Id).Select(same => RunSourceAsync(ring, [.. same], gate, display, stop)));
        });
        await StoreListsAsync(cancellation);
        session.CarryOn = null;
        return batches.Sum(each => each.Batch.Slots.Length);
    }

    private async Task RunSourceAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, SemaphoreSlim gate, MoveDisplay display, CancellationTokenSource stop)
    {
        await gate.WaitAsync(stop.Token);
        try
        {
            await RunPipelineAsync(ring, batches, display, stop.Token);
        }
        catch
        {
            await stop.CancelAsync(); // the others end in a safe state too, then the first failure is told
            throw;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Batches of one source: begun in their order, and side by side as far as their steps allow (<see cref="MovePipeline"/>).</summary>
    private async Task RunPipelineAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, MoveDisplay display, CancellationToken cancellation)
    {
        await using var pipeline = MovePipeline.Sharing(AdminSession.Configure, settings.Options);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var running = new List<Task>();
        foreach (var batch in batches)
        {
            while (running.Count(task => !task.IsCompleted) >= MovePipeline.MaxBatches)
                await Task.WhenAny(running.Where(task => !task.IsCompleted));
            if (running.Exists(task => task.IsFaulted) || failed.IsCancellationRequested)
                break;
            running.Add(RunOrStopAsync(batch));
        }
        await Task.WhenAll(running); // those that are past their release are completed, the others end in a safe state
        cancellation.ThrowIfCancellationRequested();

        async Task RunOrStopAsync(SourcedBatch batch)
        {
            try
            {
                await RunBatchAsync(ring, batch, settings.Options with { Pipeline = pipeline }, display, failed.Token);
            }
            catch
            {
                await failed.CancelAsync();
                throw;
            }
        }
    }

    private async Task RunBatchAsync(ShardRing ring, SourcedBatch each, MoveOptions shared, MoveDisplay display, CancellationToken cancellation)
    {
        var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
            ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.", "shardadmin ring show; shardadmin ops show " + each.Batch.OperationId);
        for (var attempt = 1; ; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            var options = shared with { Progress = display.Begin(each), OnStep = (step, token) => session.Failpoint.ReachedAsync(Failpoint(step), token) };
            try
            {
                await MoverOf(each.Source, target, _publication, options).RunAsync(each.Batch.Id, AdminSession.Who, takeOver: true, cancellation);
                if (options.Progress.Step is null)
                    throw new CommandFailedException(
                        ExitCode.Conflict, $"Batch {each.Batch.Id} is no longer in the journal of {each.Source.Id}: another process completed or cancelled it.", $"shardadmin ops show {each.Batch.OperationId}");
                display.Finish(each);
                return;
            }
            catch (AttemptOverException e)
            {
                throw new CommandFailedException(
                    ExitCode.Conflict, $"Another process took over or cancelled operation {each.Batch.OperationId}: {e.Message}.", $"shardadmin ops show {each.Batch.OperationId}");
            }
            catch (Exception e) when (attempt < MaxTries && !cancellation.IsCancellationRequested && (e is ChangesDoNotFitException or NpgsqlException { IsTransient: true }))
            {
                session.Output.Note($"Batch {each.Batch.Ordinal + 1} begins again: {e.Message}");
                await Task.Delay(RetryPause, cancellation);
            }
            catch (MoveFailedException e)
            {
                throw new CommandFailedException(ExitCode.Failed, e.Message, $"shardadmin ops resume {each.Batch.OperationId}");
            }
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
    private async Task StoreListsAsync(CancellationToken cancellation) =>
        await new RingPublisher(session).StoreListsAsync(await session.RequireRingAsync(cancellation), cancellation);
}
