using Chaos.Checkers;
using Chaos.Faults;
using Chaos.Workloads;

namespace Chaos.Cluster;

/// <summary>The standbys of a chaos run, and the windows in which shards may have lost acknowledged writes.</summary>
internal sealed class StandbySet(ChaosCluster cluster, StandbyPlan plan, WorkloadSet workloads)
{
    private readonly Dictionary<string, ShardStandby> _standbys =
        plan.Shards.Keys.ToDictionary(shard => shard, shard => new ShardStandby(cluster, shard), StringComparer.Ordinal);

    private readonly List<LostCommitWindow> _windows = [];

    /// <summary>The losses by shard that nobody has accepted yet. Only one lane of the schedule makes takeovers.</summary>
    private readonly Dictionary<string, LossWatch> _open = new(StringComparer.Ordinal);

    /// <summary>The windows of all takeovers by asynchronous standbys. Read them when no step runs any more.</summary>
    public IReadOnlyList<LostCommitWindow> Windows => _windows;

    public ShardStandby Of(string shard) => _standbys[shard];

    /// <summary>Makes the missing standbys of all shards of the plan.</summary>
    public async Task EnsureAllAsync(CancellationToken cancellation)
    {
        foreach (var shard in _standbys.Keys)
            await EnsureAsync(shard, cancellation);
    }

    /// <summary>Makes the shard's standby if it is missing.</summary>
    public Task EnsureAsync(string shard, CancellationToken cancellation) =>
        Of(shard).Runs ? Task.CompletedTask : Of(shard).MakeAsync(plan.Shards[shard], cancellation);

    /// <summary>Stops receiving at the shard's asynchronous standby for a while; then the standby takes over.</summary>
    public async Task LoseAsync(string shard, TimeSpan lag, CancellationToken cancellation)
    {
        var watch = await LossWatch.BeginAsync(cluster, Of(shard), workloads, CancellationToken.None);
        await Of(shard).StopReceivingAsync(CancellationToken.None);
        await Task.Delay(lag, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Of(shard).TakeOverAsync();
        if (!_open.TryAdd(shard, watch))
            await watch.DisposeAsync(); // the loss before was not accepted yet: its window continues
    }

    /// <summary>
    /// Accepts the loss, and ends the window in which acknowledged writes may be lost. The window must not end earlier: a source that has
    /// lost its release owns its slots again, and the writes that it acknowledges until somebody settles this will be lost.
    /// </summary>
    /// <returns>False: it was cancelled before it was possible. Call it again.</returns>
    public async Task<bool> AcceptAsync(ChaosStage stage, string shard, CancellationToken cancellation)
    {
        if (!_open.TryGetValue(shard, out var watch))
            return true;
        if (!await new LossAcceptance(stage, shard).TryAsync(cancellation))
            return false;
        var window = await watch.EndAsync(CancellationToken.None);
        await watch.DisposeAsync();
        _open.Remove(shard);
        _windows.Add(window);
        return true;
    }

    /// <summary>Does the same for all shards.</summary>
    public async Task AcceptAllAsync(ChaosStage stage, CancellationToken cancellation)
    {
        foreach (var shard in _open.Keys.ToArray())
            await AcceptAsync(stage, shard, cancellation);
    }
}
