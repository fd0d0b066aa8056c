using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Faults;
using LoadTests.Chaos.Workloads;

namespace LoadTests.Chaos.Cluster;

/// <summary>The standbys of a chaos run, and the windows in which shards may have lost what they acknowledged.</summary>
internal sealed class StandbySet(ChaosCluster cluster, StandbyPlan plan, WorkloadSet workloads)
{
    private readonly Dictionary<string, ShardStandby> _standbys =
        plan.Shards.Keys.ToDictionary(shard => shard, shard => new ShardStandby(cluster, shard), StringComparer.Ordinal);

    private readonly List<LostCommitWindow> _windows = [];

    /// <summary>By shard, of losses that nobody has accepted yet. One lane of the schedule alone takes over.</summary>
    private readonly Dictionary<string, LossWatch> _open = new(StringComparer.Ordinal);

    /// <summary>Of all takeovers by asynchronous standbys; to be read when no step runs any more.</summary>
    public IReadOnlyList<LostCommitWindow> Windows => _windows;

    public ShardStandby Of(string shard) => _standbys[shard];

    /// <summary>Every shard of the plan has its standby.</summary>
    public async Task EnsureAllAsync(CancellationToken cancellation)
    {
        foreach (var shard in _standbys.Keys)
            await EnsureAsync(shard, cancellation);
    }

    /// <summary>Makes the shard's standby unless there is one.</summary>
    public Task EnsureAsync(string shard, CancellationToken cancellation) =>
        Of(shard).Runs ? Task.CompletedTask : Of(shard).MakeAsync(plan.Shards[shard], cancellation);

    /// <summary>The shard's asynchronous standby stops receiving for a while and then takes its place.</summary>
    public async Task LoseAsync(string shard, TimeSpan lag, CancellationToken cancellation)
    {
        var watch = await LossWatch.BeginAsync(cluster, Of(shard), workloads, CancellationToken.None);
        await Of(shard).StopReceivingAsync(CancellationToken.None);
        await Task.Delay(lag, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Of(shard).TakeOverAsync();
        if (!_open.TryAdd(shard, watch))
            await watch.DisposeAsync(); // the one before has not been accepted yet: its window goes on
    }

    /// <summary>
    /// What was lost is accepted, and the window in which acknowledged writes may be lost ends. Not before: a source that has lost its
    /// release owns its slots once more, and what it acknowledges until somebody settles that has to yield.
    /// </summary>
    /// <returns>False: cancelled before it was possible; to be called again.</returns>
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

    /// <summary>The same for all shards.</summary>
    public async Task AcceptAllAsync(ChaosStage stage, CancellationToken cancellation)
    {
        foreach (var shard in _open.Keys.ToArray())
            await AcceptAsync(stage, shard, cancellation);
    }
}
