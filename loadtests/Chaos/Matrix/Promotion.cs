using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Cluster;
using LoadTests.Chaos.Workloads;
using ShardCore.Moves;

namespace LoadTests.Chaos.Matrix;

/// <summary>
/// The standby of a move's source or target takes over while the mover stands at a step. It has either followed until then, or has stopped
/// receiving some steps earlier, and then what was committed since is lost.
/// </summary>
internal sealed class Promotion(ChaosCluster cluster, string shard, bool isLagging, WorkloadSet workloads) : IAsyncDisposable
{
    private readonly ShardStandby _standby = new(cluster, shard);
    private LossWatch? _watch;
    private LostCommitWindow? _window;

    /// <summary>Which step a lagging standby has received nothing of, nor of the later ones; null: it lacks the whole move.</summary>
    /// <remarks>
    /// The decisive commits of the source are begin, freeze and release, those of the target import, each brought row and own. Up to the
    /// release a standby lacks the last two steps. After it the source's lacks the release; the target's lacks the brought rows when it is
    /// about to own them, and later what makes it own them.
    /// </remarks>
    public static MoveStep? LagsFrom(MoveStep step, bool isSource) => step switch
    {
        <= MoveStep.Import => null,
        > MoveStep.Release when isSource => MoveStep.Release,
        > MoveStep.Own => MoveStep.Own,
        > MoveStep.CatchUp when !isSource => MoveStep.Copy,
        _ => step - 2,
    };

    /// <summary>The shard has a standby that streams.</summary>
    public async Task PrepareAsync(CancellationToken cancellation)
    {
        if (!_standby.Runs)
            await _standby.MakeAsync(isSynchronous: false, cancellation);
    }

    public async Task StopReceivingAsync(CancellationToken cancellation)
    {
        _watch = await LossWatch.BeginAsync(cluster, _standby, workloads, cancellation);
        await _standby.StopReceivingAsync(cancellation);
    }

    public async Task PromoteAsync(CancellationToken cancellation)
    {
        _watch ??= await LossWatch.BeginAsync(cluster, _standby, workloads, cancellation);
        await _standby.TakeOverAsync();
        if (!isLagging)
            _window = await _watch.EndAsync(cancellation);
    }

    /// <summary>To be called when the move has come to its end.</summary>
    /// <returns>
    /// The window in which acknowledged writes may be lost. After a lagging standby it lasts until here: a source that has lost its
    /// release owns its slots once more, and what it acknowledges until somebody settles that has to yield.
    /// </returns>
    public async Task<LostCommitWindow> EndAsync(CancellationToken cancellation) =>
        _window ?? await (_watch ?? throw new InvalidOperationException("Nothing was promoted.")).EndAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        _standby.GoOnReceiving(); // nobody was promoted: the step was never reached
        if (_watch is not null)
            await _watch.DisposeAsync();
    }
}
