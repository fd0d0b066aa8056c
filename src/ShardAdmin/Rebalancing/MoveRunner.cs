using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Settling;
using ShardCore.Moves.Throttling;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Rebalancing;

/// <summary>Carries batches that stand in the journals to their end, each by a <see cref="BatchMover"/>.</summary>
/// <remarks>
/// Batches of one source follow each other in a pipeline, those of different sources run side by side up to the limit. Interrupted, paused or cancelled, the batches that are past their release are
/// completed first, all but the deletion of the source's rows; everything else stays in the journals as it is.
/// </remarks>
internal sealed class MoveRunner(AdminSession session, MoveRunSettings settings, OperationLock held, MoveDisplay display)
{
    private readonly BatchRunner _batches = new(session, held, display, PublicationOf(session));

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
        await using var pipeline = MovePipeline.Sharing(session.Access, settings.Options, batches.Select(each => each.Batch.Id));
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

    public static BatchMover MoverOf(AdminSession session, Shard source, Shard target, MoveOptions options) => MoverOf(session.Access, source, target, PublicationOf(session), options);

    public static BatchMover MoverOf(ShardAccess access, Shard source, Shard target, RingPublication publication, MoveOptions options) => new(source, target, access, publication, options);

    public static BatchSettlement SettlementOf(AdminSession session, MoveOptions options, Shard source, Shard target) => new(source, target, session.Access, PublicationOf(session), options);

    private static RingPublication PublicationOf(AdminSession session) =>
        new(session.Rings, AdminSession.Who, (ring, cancellation) => BasisAsync(session, ring, cancellation));

    /// <summary>The shards decide, whatever Redis says, as far as they can be believed.</summary>
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
        return new RingBasis(known.Next, [.. Slot.All.Select(slot => known.Ownership.BelievedOwner(slot, ring))]);
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
