using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;

namespace ShardCore.Moves;

/// <summary>How a move is done. Every wait and retry has its limit here.</summary>
public sealed record MoveOptions
{
    /// <summary>Pairs of connections that copy at the same time, 1…16.</summary>
    public int CopyConnections { get; init; } = 2;

    /// <summary>Changes that are brought over in one target transaction, at most.</summary>
    public int ApplyBatch { get; init; } = 2000;

    /// <summary>The target should be at most so far behind when the slots are frozen: writes are held for about so long.</summary>
    public TimeSpan FreezeWhenLagBelow { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>If the slots are not ready to be released by then, the freeze is given up and tried again later. The release itself takes some milliseconds more.</summary>
    public TimeSpan MaxPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>A freeze whose mover is gone ends after this by the hand of whoever meets it.</summary>
    public TimeSpan FreezeDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The freeze waits so long for writers that are inside, while new ones queue behind it.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>Catching up and freezing are tried so often before the attempt is given up.</summary>
    public int MaxFreezes { get; init; } = 100;

    /// <summary>Making the replication slot waits for every transaction that has written at the source and still runs: so long at most, as it keeps WAL and the next batch waiting.</summary>
    public TimeSpan SnapshotLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Catching up, and any other single step, takes so long at most.</summary>
    public TimeSpan StepLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A step that counts is waited for until every standby that streams from that shard has it on its disk: so long at most, then the
    /// move stops. Between release and
    /// owning nobody serves the slots while it waits, so that the standbys are level is looked at before.
    /// </summary>
    public TimeSpan StandbyLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Standbys are not waited for. If one takes over that lacks a step, the shards have to be settled by hand.</summary>
    public bool IgnoresStandbys { get; init; }

    /// <summary>A person wants it: also what was planned before its source failed over or was restored is begun.</summary>
    public bool BeginsWhatWasRestored { get; init; } = true;

    /// <summary>Between the hand-over and the deletion of the source's rows.</summary>
    public TimeSpan GraceBeforeCleaning { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Rows deleted in one transaction while cleaning; null: as the rate is.</summary>
    public int? CleanBatch { get; init; }

    /// <summary>How fast it may go.</summary>
    public CopyRate Rate { get; init; } = new(null);

    /// <summary>An estimate of what the batch brings; null: not known.</summary>
    public long? BytesPlanned { get; init; }

    /// <summary>Written while the batch is under way.</summary>
    public MoveProgress Progress { get; init; } = new();

    /// <summary>Called as each step begins: for progress, and for tests that stop there. It may throw.</summary>
    public Func<MoveStep, CancellationToken, Task> OnStep { get; init; } = (_, _) => Task.CompletedTask;

    /// <summary>Shared by the batches of a source that run side by side; null: this batch is alone.</summary>
    public MovePipeline? Pipeline { get; init; }

    /// <summary>Of <see cref="MaxPause"/> the part in which the last changes must be over; the rest is for flush, release and owning.</summary>
    internal TimeSpan MaxDrain => MaxPause * 0.7;

    /// <summary>Before each step, unless writers wait: what a batch costs however little is in it is spread over the time that the rate gives it.</summary>
    internal async Task StepAsync(MoveStep step, CancellationToken cancellation)
    {
        if (step is < MoveStep.Freeze or > MoveStep.Own)
            await PaceAsync(cancellation);
        Progress.Step = step;
        await OnStep(step, cancellation);
    }

    /// <summary>Waits as long as the rate gives one step.</summary>
    internal ValueTask PaceAsync(CancellationToken cancellation) => Rate.SpendHereAsync(CopyRate.BytesPerStep, cancellation);
}
