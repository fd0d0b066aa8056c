using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Journal;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>One batch after the other on behalf of <see cref="MoveRunner"/>: begun again, a few times, when its connections broke, and reported in its journal while it runs.</summary>
internal sealed class BatchRunner(AdminSession session, OperationLock held, MoveDisplay display, RingPublication publication)
{
    private const int MaxTries = 3;

    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(1);

    /// <param name="shared">For all batches of the source.</param>
    /// <exception cref="CommandFailedException">It cannot go on.</exception>
    /// <exception cref="BatchBrokenException">Something was away for longer than a few tries take.</exception>
    public async Task RunAsync(ShardRing ring, SourcedBatch each, MoveOptions shared, MoveStop stop)
    {
        var target = ring.Find(each.Batch.Target) ?? throw new CommandFailedException(
            ExitCode.Precondition, $"Batch {each.Batch.Id} goes to {each.Batch.Target}, which is not in the ring.", "shardadmin ring show; shardadmin ops show " + each.Batch.OperationId);
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
                throw new BatchBrokenException(each, broken ?? e); // an attempt that broke, or whose freeze a write ended, is over too
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
            throw Disputed(e.Message, each.Batch.OperationId);
        }
        catch (StandbysBehindException e)
        {
            problem = e.Message;
            throw new CommandFailedException(ExitCode.TimedOut, e.Message, $"shardadmin ops resume {each.Batch.OperationId}   (waits again; with --ignore-standbys it does not)");
        }
        catch (Exception e) when (e is not (OperationCanceledException or CommandFailedException or AttemptOverException))
        {
            if (!stop.Token.IsCancellationRequested) // else it broke because of that
                problem = e.Message;
            throw new BatchBrokenException(each, e);
        }
        finally
        {
            await LetGoAsync(reports, each.Batch.Id, problem);
        }
    }

    /// <summary>Only a person ends it.</summary>
    public static CommandFailedException Disputed(string problem, Guid operation) => new(
        new Failure(ExitCode.Differences, problem, "No mover goes on with this batch, and nothing of it is deleted, until a person has said which copy is right.", $"shardadmin ops settle {operation}"));

    /// <summary>Before each attempt: a connection that broke may have been ended by whoever takes over, and a lock may be gone.</summary>
    private async Task RequireOursAsync(MoveReports reports, SourcedBatch each, bool isAgain, MoveStop stop)
    {
        var lost = isAgain && await reports.ReportAsync(each.Batch.Id, held.Mover, new MoveProgress(), stop.Token) == ReportAnswer.Lost;
        if (!lost && await held.EnsureAsync(stop.Token))
            return;
        await stop.BecauseAsync(ReportAnswer.Lost);
        stop.Token.ThrowIfCancellationRequested();
    }

    /// <returns>False also when nobody can tell: then it is no reason.</returns>
    private async Task<bool> IsTakenAsync(MoveReports reports, SourcedBatch each)
    {
        try
        {
            return await reports.ReportAsync(each.Batch.Id, held.Mover, new MoveProgress(), CancellationToken.None) is ReportAnswer.Lost or ReportAnswer.Gone;
        }
        catch (Exception e) when (Reach.IsUnreachable(e))
        {
            return false;
        }
    }

    private async Task RunAttemptAsync(MoveJournal journal, MoveReports reports, SourcedBatch each, Shard target, MoveOptions shared, MoveStop stop)
    {
        var wish = await reports.ClaimAsync(each.Batch.Id, held.Mover, stop.Token);
        if (wish is null || await journal.FindAsync(each.Batch.Id, stop.Token) is not { } batch)
            throw new CommandFailedException(
                ExitCode.Conflict, $"Batch {each.Batch.Id} is no longer in the journal of {each.Source.Id}: another process completed or cancelled it.", $"shardadmin ops show {each.Batch.OperationId}");
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
                if (step is MoveStep.CatchUp or MoveStep.Verify) // the copy, and everything, is counted; writes are not held here
                    await heartbeat.ReportAsync(token);
            },
        };
        await MoveRunner.MoverOf(session.Access, each.Source, target, publication, options).RunAsync(batch.Id, AdminSession.Who, takeOver: true, stop.Token);
    }

    /// <summary>Worth another try at once, if it is ours still (<see cref="RequireOursAsync"/>): an attempt is over also when its freeze was.</summary>
    private static bool IsPassing(Exception e) => e is AttemptOverException or ChangesDoNotFitException or StreamBrokenException or SessionLostException or ShardUnreachableException or NpgsqlException { IsTransient: true };

    private async Task LetGoAsync(MoveReports reports, Guid batch, string? problem)
    {
        try
        {
            await reports.LetGoAsync(batch, held.Mover, problem, CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // The source is away; the lock that goes with us tells the same.
        }
    }

    /// <summary>The failpoint of a step: <c>move-copy</c>, <c>move-release</c>, ….</summary>
    private static string Failpoint(MoveStep step) => "move-" + step.ToString().ToLowerInvariant();
}
