using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;

namespace ShardCore.Moves.Batches;

/// <summary>The options of a move. Every wait and every retry has its limit here.</summary>
public sealed record MoveOptions
{
    /// <summary>Pairs of connections that copy at the same time, 1…16.</summary>
    public int CopyConnections { get; init; } = 2;

    /// <summary>The most changes that are applied in one transaction of the target.</summary>
    public int ApplyBatch { get; init; } = 2000;

    /// <summary>The slots are frozen when the target is at most this far behind. Writes are held for about that time.</summary>
    public TimeSpan FreezeWhenLagBelow { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>
    /// If the slots are not ready to be released within this time, the freeze is given up and tried again later. The release itself takes
    /// some milliseconds more.
    /// </summary>
    public TimeSpan MaxPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>If the mover is gone, its freeze ends after this time: the first process that meets it then thaws the slots.</summary>
    public TimeSpan FreezeDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the freeze waits for writers that are inside, while new writers queue behind it.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromMilliseconds(60);

    /// <summary>How often catching up and freezing are tried before the attempt is given up.</summary>
    public int MaxFreezes { get; init; } = 100;

    /// <summary>
    /// How long the replication slot may wait for transactions: it waits for each one that has written at the source and still runs. The
    /// limit is there because the wait keeps WAL, and keeps the next batch waiting.
    /// </summary>
    public TimeSpan SnapshotLimit { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long catching up, or any other single step, may take.</summary>
    public TimeSpan StepLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long a move waits until every standby that streams from a shard has an important step on its disk. After this time the move
    /// stops. Between release and owning, nobody serves the slots during that wait; so the move checks before the release that the
    /// standbys are level.
    /// </summary>
    public TimeSpan StandbyLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Does not wait for standbys. If a standby takes over that lacks a step, a person has to settle the batch.</summary>
    public bool IgnoresStandbys { get; init; }

    /// <summary>
    /// Begins also batches that were planned before their source failed over or was restored, because a person wants it.
    /// </summary>
    public bool BeginsWhatWasRestored { get; init; } = true;

    /// <summary>The time between the hand-over and the deletion of the source's rows.</summary>
    public TimeSpan GraceBeforeCleaning { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many rows are deleted in one transaction while cleaning; null: as many as the rate allows.</summary>
    public int? CleanBatch { get; init; }

    /// <summary>How fast the move may go.</summary>
    public CopyRate Rate { get; init; } = new(null);

    /// <summary>An estimate of the bytes that the batch brings; null: not known.</summary>
    public long? BytesPlanned { get; init; }

    /// <summary>The progress, which is written while the batch is under way.</summary>
    public MoveProgress Progress { get; init; } = new();

    /// <summary>Called when a step begins, for progress and for tests that stop there. It may throw.</summary>
    public Func<MoveStep, CancellationToken, Task> OnStep { get; init; } = (_, _) => Task.CompletedTask;

    /// <summary>The pipeline that batches of one source share when they run side by side; null: this batch is alone.</summary>
    public MovePipeline? Pipeline { get; init; }

    /// <summary>
    /// The part of <see cref="MaxPause"/> in which the last changes must be applied. The rest is for flush, release and owning.
    /// </summary>
    internal TimeSpan MaxDrain => MaxPause * 0.7;

    /// <summary>
    /// Begins a step. It waits first, unless writers wait: every step has a cost, even in a small batch, and the rate spreads that cost
    /// over time.
    /// </summary>
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
