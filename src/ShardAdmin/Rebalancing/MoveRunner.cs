using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Rebalancing;

/// <summary>Completes batches that stand in the journals, each with a <see cref="BatchMover"/>.</summary>
/// <remarks>
/// Batches of one source follow each other in a pipeline. Several sources run side by side, up to the limit. When the run is interrupted,
/// paused or cancelled, released batches are completed first, except for the deletion of the source's rows. All other batches stay in the
/// journals as they are.
/// </remarks>
internal sealed class MoveRunner(AdminSession session, MoveRunSettings settings, OperationLock held, MoveDisplay display)
{
    private readonly BatchRunner _batches = new(session, held, display, Movers.PublicationOf(session));

    /// <param name="batches">Batches of the operation whose lock is held.</param>
    /// <returns>How many slots were moved.</returns>
    /// <exception cref="CommandFailedException">The operation was paused or cancelled, another process took over, or it cannot
    /// continue.</exception>
    public async Task<int> RunAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, CancellationToken cancellation)
    {
        if (batches.Count == 0)
            return 0;
        var operation = batches[0].Batch.OperationId;
        session.LeftOff = "Slots that have moved stay moved; all others are where they were, and every slot has an owner or gets it when "
            + "the operation is resumed. If an agent runs, it continues the operation by itself.";
        session.CarryOn = $"shardadmin ops resume {operation}";
        using var stop = new MoveStop(cancellation);
        try
        {
            using var gate = new SemaphoreSlim(settings.Parallel);
            await Task.WhenAll(batches.GroupBy(each => each.Source.Id).Select(same => RunSourceAsync(ring, [.. same], gate, stop)));
        }
        catch (Exception e) when (stop.Reason is not null && e is not CommandFailedException)
        {
            throw stop.Failure(operation); // every other exception is a consequence of the stop
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
            await stop.OthersAsync(); // the others end in a safe state too, then the first failure is reported
            throw;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Begins the batches in order; they run side by side as far as their steps allow (<see cref="MovePipeline"/>).</summary>
    private async Task RunPipelineAsync(ShardRing ring, IReadOnlyList<SourcedBatch> batches, MoveStop stop)
    {
        await using var pipeline = MovePipeline.Sharing(session.Access, settings.Options.StepLimit, batches.Select(each => each.Batch.Id));
        var rate = new CopyRate(null, within: settings.Options.Rate);
        await using var throttle = settings.Adapts
            ? await AdaptiveThrottle.StartAsync(
                pipeline, batches[0].Source, batches.Select(batch => ring.Find(batch.Batch.Target)).OfType<Shard>(), rate,
                new ThrottleLimits(), stop.Token)
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
            pipeline.Leave(never.Batch.Id); // no running batch may wait for a batch that never begins
        await Task.WhenAll(running); // released batches are completed except for the deletion, the others end in a safe state
        if (running.Count < batches.Count)
            stop.Token.ThrowIfCancellationRequested();

        async Task RunOrStopAsync(SourcedBatch batch)
        {
            try
            {
                await _batches.RunAsync(ring, batch, options, stop);
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

    /// <summary>
    /// Stores the list of shards in all shards, once at the end: each batch has published a new epoch, which the shards' copies do not have
    /// yet.
    /// </summary>
    private async Task StoreListsAsync(CancellationToken cancellation)
    {
        try
        {
            await new RingPublisher(session).StoreListsAsync(await session.RequireRingAsync(cancellation), cancellation);
        }
        catch (Exception e) when (e is ShardUnreachableException or RedisUnavailableException)
        {
            session.Output.Warn(
                $"Everything has moved, but not every shard has the new list of shards: {e.Message} 'shardadmin doctor' shows it; the next "
                + "move repairs it.");
        }
    }
}
