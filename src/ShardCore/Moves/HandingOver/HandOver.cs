using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Changes;
using ShardCore.Moves.Copying;
using ShardCore.Moves.Failures;
using ShardCore.Moves.Importing;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Sessions;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.HandingOver;

/// <summary>
/// Steps 6 to 10 of <see cref="BatchMover"/>: from a target that is nearly level to one that owns the slots. Writers wait between the
/// freeze and the owning. So everything that can be done before the freeze is done before, and most other work of the pipeline waits
/// meanwhile (<see cref="Pipelining.HandOverGate"/>).
/// </summary>
internal sealed class HandOver(
    Guid id, int attempt, Epoch epoch, MoveEnds ends, TargetSession session, MoveImport import, MoveOptions options)
{
    private const int SealBytes = 16;

    /// <summary>
    /// If a standby of the target is too slow so often, the hand-over is not tried again, because writers wait in vain each time.
    /// </summary>
    private const int MaxSlowStandby = 5;

    private const double LagGrowth = 1.2;
    private const double LagShareOfDrain = 0.7;

    private static readonly TimeSpan HoldPause = TimeSpan.FromMilliseconds(50);

    private readonly MoveJournal _journal = new(ends.FromAtHandOver);
    private int _slowStandby;

    /// <returns>How long writes to the slots were held.</returns>
    /// <exception cref="AttemptOverException" />
    /// <exception cref="MoveFailedException" />
    public async Task<TimeSpan> RunAsync(CatchUp catchUp, CancellationToken cancellation)
    {
        await RehearseAsync(cancellation);
        await options.PaceAsync(cancellation); // other clients recover from this work before writers wait
        for (var freeze = 1; freeze <= options.MaxFreezes; freeze++)
        {
            if (freeze > 1)
                await Task.Delay(Random.Shared.Next(5, 50), cancellation); // not again at once: writers stayed inside or wrote much
            await AwaitBackupPointAsync(cancellation);
            await RequireLevelStandbysAsync(cancellation);
            await ItemTable.RequireNoOtherColumnAsync(ends.From, ends.Source.Id, id, "Its slots were not handed over.", cancellation);
            // From here to the freeze there is only work that cannot come earlier: what is written in this time is drained while writers
            // wait.
            await CatchUpAsync(catchUp, cancellation);
            // Nearly all changes become durable here while nobody waits, and the session has run the statements once. This seal has no
            // effect, because no release names it.
            await session.SealAsync(import, NewSeal(), TimeSpan.Zero, cancellation);
            await RehearseOwningAsync(cancellation);
            using var quiet = await ends.Pipeline.Gate.CloseAsync(cancellation);
            await options.StepAsync(MoveStep.Freeze, cancellation);
            var marker = Marker("freeze");
            catchUp.Expect(marker);
            var held = Stopwatch.StartNew();
            if (await FrozenAsync(marker, cancellation)
                && await DrainedAsync(catchUp, marker, held, cancellation)
                && await GivenAwayAsync(held))
                return held.Elapsed;
        }
        throw new MoveFailedException(
            $"Batch {id}: writes to its slots could not be stopped for {options.MaxPause.TotalMilliseconds} ms "
                + $"in {options.MaxFreezes} tries. Its slots are owned by {ends.Source.Id} as before.");
    }

    /// <summary>
    /// Waits, because no slot is frozen while a backup point is made. Changes are applied meanwhile, so the target stays level.
    /// </summary>
    private async Task AwaitBackupPointAsync(CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (await _journal.HandOversAreHeldAsync(cancellation))
        {
            if (clock.Elapsed > options.StepLimit)
                throw new MoveFailedException(
                    $"Batch {id}: hand-overs from {ends.Source.Id} have been held for backup points for {options.StepLimit}. Its slots "
                        + $"are owned by {ends.Source.Id} as before.");
            await Task.Delay(HoldPause, cancellation);
        }
    }

    /// <summary>
    /// When a statement runs for the first time, much is prepared for it, in this process and in the session at the source, which the next
    /// batches use again. So the statements run once for a batch that does not exist. That has no effect, and no writer waits for it.
    /// </summary>
    private async Task RehearseAsync(CancellationToken cancellation)
    {
        if (ends.IsRehearsed)
            return;
        try
        {
            await _journal.TryFreezeAsync(
                Guid.Empty, attempt: 0, Marker("rehearsal"), options.FreezeDeadline, options.LockTimeout, cancellation);
        }
        catch (AttemptOverException)
        {
            // There is no such batch.
        }
        await _journal.RehearseReleaseAsync(id, epoch, cancellation);
        ends.IsRehearsed = true;
    }

    /// <summary>
    /// Runs the statement of the owning, before each freeze. After the release nobody serves the slots until the target owns them, so this
    /// shows that the session at the target still works. A target that restarted since the last batch has ended that session. The markers
    /// show that the session at the source works.
    /// </summary>
    private async Task RehearseOwningAsync(CancellationToken cancellation) =>
        await MoveImport.OwnAsync(
            ends.ToAtHandOver,
            new MoveBatch(Guid.Empty, Guid.Empty, 0, ends.Target.Id, [], MovePhase.Released, 0, epoch, 0) { Seal = [] },
            cancellation);

    /// <summary>
    /// Seal and release wait for the standbys, while writers wait or while nobody serves the slots. A standby that is far behind is found
    /// here, where no writer waits.
    /// </summary>
    /// <exception cref="StandbysBehindException" />
    private async Task RequireLevelStandbysAsync(CancellationToken cancellation)
    {
        // These calls look for the present primaries. A server that was replaced by its standby would freeze and release too, or become
        // the owner, and the server that serves would not know it.
        await Task.WhenAll(ends.From.PresentAsync(cancellation), ends.To.PresentAsync(cancellation));
        (Shard Shard, ShardDatabase Source)[] both = [(ends.Target, ends.To), (ends.Source, ends.From)];
        await Task.WhenAll(both.Select(end => LevelStandbys.RequireAsync(
            end.Source, end.Shard.Id,
            $"Batch {id}: its slots are owned by {ends.Source.Id} as before, because they could be lost "
                + "if such a standby took over in the middle of a hand-over.",
            options, cancellation)));
    }

    /// <returns>False: writers did not leave in time, or a backup point began. Nothing is frozen.</returns>
    private async Task<bool> FrozenAsync(string marker, CancellationToken cancellation)
    {
        try
        {
            return await _journal.TryFreezeAsync(id, attempt, marker, options.FreezeDeadline, options.LockTimeout, cancellation);
        }
        catch (Exception e) when (e is OperationCanceledException or NpgsqlException)
        {
            await ThawAsync(); // the freeze may have been committed although the call failed
            throw;
        }
    }

    /// <summary>
    /// Ends the freeze at once before the attempt fails, if the source can be reached. Otherwise the freeze would last until its deadline.
    /// </summary>
    private async Task ThawAsync()
    {
        try
        {
            await _journal.UnfreezeAsync(id, attempt, CancellationToken.None);
        }
        catch (NpgsqlException)
        {
            // The deadline ends the freeze. The first error is the one that people need to see.
        }
    }

    /// <summary>Steps 9 and 10 with the slots frozen and the target level with the source.</summary>
    /// <remarks>
    /// This takes no cancellation. If it broke off here, the slots would stay frozen. If it broke off within the release, nobody would
    /// know whether the target has to own the slots. The target's commits are flushed and sealed before the release. That is done on the
    /// one session that cannot be a new one after a crash of the target. After the release the target must not lose anything any more.
    /// </remarks>
    /// <returns>False: the flush, or a standby of the target, took too long. The slots are thawed, and the same attempt goes on.</returns>
    private async Task<bool> GivenAwayAsync(Stopwatch held)
    {
        var seal = NewSeal();
        try
        {
            var left = options.MaxPause - held.Elapsed;
            var behind = await session.SealAsync(
                import, seal, options.IgnoresStandbys || left < TimeSpan.Zero ? TimeSpan.Zero : left, CancellationToken.None);
            var isSlow = behind is not null && !options.IgnoresStandbys;
            if (held.Elapsed > options.MaxPause || isSlow)
            {
                await ThawOrEndAsync(CancellationToken.None); // nothing is released yet, and a seal without a release has no effect
                return isSlow && ++_slowStandby == MaxSlowStandby
                    ? throw new StandbysBehindException(
                        $"Batch {id}: {MaxSlowStandby} times, not every standby of {ends.Target.Id} confirmed within the pause "
                        + $"of {options.MaxPause.TotalMilliseconds:0} ms: {behind}. "
                        + $"Its slots are owned by {ends.Source.Id} as before. A longer --max-pause may help.")
                    : false;
            }
        }
        catch
        {
            await ThawAsync();
            throw;
        }
        await options.StepAsync(MoveStep.Release, CancellationToken.None);
        var (released, standbys) = await _journal.ReleaseAsync(id, attempt, epoch, seal, CancellationToken.None);
        // This follows at once, because nobody serves the slots until the target owns them.
        await new TargetOwnership(ends, _journal, options).TakeAsync(
            released, isFlushed: standbys.Behind is null, held, CancellationToken.None);
        return true;
    }

    private static byte[] NewSeal() => RandomNumberGenerator.GetBytes(SealBytes);

    /// <returns>False: the target was not level in time. The slots are thawed, and the same attempt goes on.</returns>
    private async Task<bool> DrainedAsync(CatchUp catchUp, string marker, Stopwatch held, CancellationToken cancellation)
    {
        try
        {
            await options.StepAsync(MoveStep.Drain, cancellation);
            var left = options.MaxDrain - held.Elapsed;
            if (left > TimeSpan.Zero && await catchUp.SeenAsync(marker, left, cancellation))
                return true;
        }
        catch
        {
            await ThawAsync();
            throw;
        }
        await ThawOrEndAsync(CancellationToken.None);
        return false;
    }

    /// <exception cref="AttemptOverException">This attempt has no freeze any more.</exception>
    private async Task ThawOrEndAsync(CancellationToken cancellation)
    {
        if (!await _journal.UnfreezeAsync(id, attempt, cancellation))
            throw new AttemptOverException(
                $"Batch {id}: its freeze was ended, by a write that came after its deadline or by another mover.");
    }

    /// <summary>Returns when a marker goes from source to target so fast that the last changes will be applied in time.</summary>
    /// <remarks>
    /// At first the lag must be below <see cref="MoveOptions.FreezeWhenLagBelow"/>, so that writers wait only a short time. If that cannot
    /// be reached, because the machine or the network is slow, the limit grows from look to look. A pause as long as was allowed is better
    /// than no hand-over at all.
    /// </remarks>
    private async Task CatchUpAsync(CatchUp catchUp, CancellationToken cancellation)
    {
        var (clock, enough) = (Stopwatch.StartNew(), options.FreezeWhenLagBelow);
        while (true)
        {
            var marker = Marker("lag");
            catchUp.Expect(marker);
            var lag = Stopwatch.StartNew();
            await _journal.MarkAsync(marker, cancellation);
            var seen = await catchUp.SeenAsync(marker, options.StepLimit, cancellation);
            options.Progress.Lag = lag.Elapsed;
            if (seen && lag.Elapsed < enough)
                return;
            if (clock.Elapsed > options.StepLimit)
                throw new MoveFailedException(
                    $"Batch {id}: the target did not catch up within {options.StepLimit}; "
                        + $"it is {lag.Elapsed.TotalMilliseconds:0} ms behind, and {enough.TotalMilliseconds:0} ms would do. "
                        + "Either writes come faster than it can apply them, or a longer --max-pause is needed.");
            enough = Shorter(enough * LagGrowth, Longer(options.FreezeWhenLagBelow, options.MaxDrain * LagShareOfDrain));
        }
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private string Marker(string kind) => $"{id}/{kind}/{Guid.NewGuid():N}";
}
