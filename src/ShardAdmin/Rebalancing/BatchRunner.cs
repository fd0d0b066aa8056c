using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Settings;
using ShardCore.Moves;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>
/// Runs single batches for <see cref="MoveRunner"/>. If a connection breaks, it begins the batch again, a few times. While the batch runs,
/// it reports the progress to the journal.
/// </summary>
internal sealed class BatchRunner(AdminSession session, OperationLock held, MoveDisplay display, RingPublication publication)
{
    private const int MaxTries = 3;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <param name="shared">The options of all batches of the source.</param>
    /// <exception cref="CommandFailedException">The batch cannot continue.</exception>
    /// <exception cref="BatchBrokenException">A server was away for longer than a few tries take.</exception>
    public async Task RunAsync(ShardRing ring, SourcedBatch each, MoveOptions shared, MoveStop stop)
    {
        var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
            ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.",
            "shardadmin ring show; shardadmin ops show " + each.Batch.OperationId);
        var (journal, reports) = (new MoveJournal(session.Source(each.Source)), new MoveReports(session.Source(each.Source)));
        string? problem = null;
        Exception? broken = null;
        try
        {
            for (var attempt = 1; ; attempt++)
                try
                {
                    stop.Token.ThrowIfCancellationRequested();
                    await RequireOursAsync(reports, each, isAgain: attempt > 1, stop);
                    await RunAttemptAsync(journal, reports, each, target, shared, stop);
                    display.Finish(each);
                    return;
                }
                catch (Exception e) when (attempt < MaxTries && !stop.Token.IsCancellationRequested && IsPassing(e))
                {
                    problem = e.Message;
                    broken = e is AttemptOverException ? broken : e;
                    session.Output.Note($"Batch {each.Batch.Ordinal + 1} begins again: {e.Message}");
                    await Task.Delay(RetryPause, stop.Token);
                }
        }
        catch (AttemptOverException e) when (stop.Reason is null)
        {
            if (!await IsTakenAsync(reports, each))
                throw new BatchBrokenException(each.Name, broken ?? e); // nobody took over: the attempt broke, or a write ended its freeze
            await stop.BecauseAsync(ReportAnswer.Lost);
            throw;
        }
        catch (MoveFailedException e)
        {
            problem = e.Message;
            throw new CommandFailedException(ExitCode.Failed, e.Message, $"shardadmin ops resume {each.Batch.OperationId}");
        }
        catch (BatchDisputedException e)
        {
            throw MoveJournals.Disputed(e.Message, each.Batch.OperationId);
        }
        catch (StandbysBehindException e)
        {
            problem = e.Message;
            throw new CommandFailedException(
                ExitCode.TimedOut, e.Message,
                $"shardadmin ops resume {each.Batch.OperationId}   (waits again; with --ignore-standbys it does not)");
        }
        catch (Exception e) when (e is not (OperationCanceledException or CommandFailedException or AttemptOverException))
        {
            if (!stop.Token.IsCancellationRequested) // otherwise the cancellation is the cause, not a problem of the batch
                problem = e.Message;
            throw new BatchBrokenException(each.Name, e);
        }
        finally
        {
            await LetGoAsync(reports, each.Batch.Id, problem);
        }
    }

    /// <summary>
    /// Checks before each attempt that this process still holds the operation. If a connection broke, another process may have ended it
    /// to take over; and a restarted server has lost the lock.
    /// </summary>
    private async Task RequireOursAsync(MoveReports reports, SourcedBatch each, bool isAgain, MoveStop stop)
    {
        var lost = isAgain
            && await reports.ReportAsync(each.Batch.Id, held.Mover, new MoveProgress(), stop.Token) == ReportAnswer.Lost;
        if (!lost && await held.EnsureAsync(stop.Token))
            return;
        await stop.BecauseAsync(ReportAnswer.Lost);
        stop.Token.ThrowIfCancellationRequested();
    }

    /// <summary>Whether another process took the batch over.</summary>
    /// <returns>False also if the source cannot be asked: only a known take-over counts.</returns>
    private async Task<bool> IsTakenAsync(MoveReports reports, SourcedBatch each)
    {
        try
        {
            return await reports.ReportAsync(each.Batch.Id, held.Mover, new MoveProgress(), CancellationToken.None)
                is ReportAnswer.Lost or ReportAnswer.Gone;
        }
        catch (Exception e) when (Reach.IsUnreachable(e))
        {
            return false;
        }
    }

    private async Task RunAttemptAsync(
        MoveJournal journal, MoveReports reports, SourcedBatch each, Shard target, MoveOptions shared, MoveStop stop)
    {
        var wish = await reports.ClaimAsync(each.Batch.Id, held.Mover, stop.Token);
        if (wish is null || await journal.FindAsync(each.Batch.Id, stop.Token) is not { } batch)
            throw new CommandFailedException(
                ExitCode.Conflict,
                $"Batch {each.Batch.Id} is no longer in the journal of {each.Source.Id}: another process completed or cancelled it.",
                $"shardadmin ops show {each.Batch.OperationId}");
        if (wish != MoveWish.Run && !batch.IsReleased())
        {
            await stop.BecauseAsync(wish == MoveWish.Pause ? ReportAnswer.Pause : ReportAnswer.Cancel);
            stop.Token.ThrowIfCancellationRequested();
        }
        var progress = display.Begin(each);
        await using var heartbeat = MoveHeartbeat.Start(reports, batch.Id, held.Mover, wish.Value, progress, stop);
        var options = shared with
        {
            BytesPlanned = each.Bytes,
            Progress = progress,
            OnStep = async (step, token) =>
            {
                await session.Failpoint.ReachedAsync(Failpoint(step), token);
                // At CatchUp the numbers of the copy are final, at Verify all numbers. Writes are not held at these steps.
                if (step is MoveStep.CatchUp or MoveStep.Verify)
                    await heartbeat.ReportAsync(token);
            },
        };
        await new BatchMover(each.Source, target, session.Access, publication, options)
            .RunAsync(batch.Id, AdminSession.Who, takeOver: true, stop.Token);
    }

    /// <summary>
    /// Whether another attempt can help at once. An <see cref="AttemptOverException"/> is among these errors, because an attempt is also
    /// over when its freeze was ended; <see cref="RequireOursAsync"/> finds out whether another process took over.
    /// </summary>
    private static bool IsPassing(Exception e) => e
        is AttemptOverException or ChangesDoNotFitException or StreamBrokenException or SessionLostException or ShardUnreachableException
        or NpgsqlException { IsTransient: true };

    private async Task LetGoAsync(MoveReports reports, Guid batch, string? problem)
    {
        try
        {
            await reports.LetGoAsync(batch, held.Mover, problem, CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // The source is away. The lock is released when this process ends, and tells the same.
        }
    }

    /// <summary>The failpoint of a step: <c>move-copy</c>, <c>move-release</c>, ….</summary>
    private static string Failpoint(MoveStep step) => "move-" + step.ToString().ToLowerInvariant();
}
