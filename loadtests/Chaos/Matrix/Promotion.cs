using Chaos.Checkers;
using Chaos.Cluster;
using Chaos.Workloads;
using ShardCore.Moves.Batches;

namespace Chaos.Matrix;

/// <summary>
/// The standby of a move's source or target takes over while the mover is at a step. Either it has followed until then, or it stopped
/// receiving some steps earlier; then the commits since that time are lost.
/// </summary>
internal sealed class Promotion(ChaosCluster cluster, string shard, bool isLagging, WorkloadSet workloads) : IAsyncDisposable
{
    private readonly ShardStandby _standby = new(cluster, shard);
    private LossWatch? _watch;
    private LostCommitWindow? _window;

    /// <summary>The first step of which a lagging standby has received nothing; null: it lacks the whole move.</summary>
    /// <remarks>
    /// The decisive commits of the source are begin, freeze and release; those of the target are import, each brought row, and own. At
    /// steps up to the release, the standby lacks the last two steps. At later steps the source's standby lacks the release. The target's
    /// standby lacks the brought rows at the step before owning, and the commit of own at later steps.
    /// </remarks>
    public static MoveStep? LagsFrom(MoveStep step, bool isSource) => step switch
    {
        <= MoveStep.Import => null,
        > MoveStep.Release when isSource => MoveStep.Release,
        > MoveStep.Own => MoveStep.Own,
        > MoveStep.CatchUp when !isSource => MoveStep.Copy,
        _ => step - 2,
    };

    /// <summary>Makes a standby of the shard that streams.</summary>
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

    /// <summary>Call it when the move is over.</summary>
    /// <returns>
    /// The window in which acknowledged writes may be lost. After a lagging standby took over, it lasts until this call: a source that has
    /// lost its release owns its slots again, and the writes that it acknowledges until somebody settles this will be lost.
    /// </returns>
    public async Task<LostCommitWindow> EndAsync(CancellationToken cancellation) =>
        _window ?? await (_watch ?? throw new InvalidOperationException("Nothing was promoted.")).EndAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        _standby.GoOnReceiving(); // no standby was promoted, because the step was never reached
        if (_watch is not null)
            await _watch.DisposeAsync();
    }
}
