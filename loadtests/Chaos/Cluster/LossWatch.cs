using LoadTests.Chaos.Checkers;
using LoadTests.Chaos.Workloads;
using ShardCore.Ring;

namespace LoadTests.Chaos.Cluster;

/// <summary>Finds the window in which a shard may lose what it acknowledges because an asynchronous standby takes its place.</summary>
internal sealed class LossWatch : IAsyncDisposable
{
    private readonly WorkloadSet _workloads;
    private readonly OwnershipWatch _ownership;
    private long _from;

    private LossWatch(WorkloadSet workloads, OwnershipWatch ownership) => (_workloads, _ownership) = (workloads, ownership);

    /// <summary>
    /// To be called right before the standby stops receiving, or before the takeover. When this returns the standby has flushed
    /// all that was acknowledged before the window.
    /// </summary>
    public static async Task<LossWatch> BeginAsync(
        ChaosCluster cluster, ShardStandby standby, WorkloadSet workloads, CancellationToken cancellation)
    {
        var watch = new LossWatch(workloads, await OwnershipWatch.BeginAsync(cluster.Shard(standby.Shard), cancellation));
        try
        {
            watch._from = workloads.Now; // before the position is asked for: what is acknowledged later may lie behind that
            await standby.BeLevelAsync(cancellation);
            return watch;
        }
        catch
        {
            await watch.DisposeAsync();
            throw;
        }
    }

    /// <summary>To be called when nothing that may be lost is acknowledged any more; the shard must answer.</summary>
    public async Task<LostCommitWindow> EndAsync(CancellationToken cancellation)
    {
        var to = _workloads.Now;
        var slots = await _ownership.SlotsAsync(cancellation);
        var keys = _workloads.AllKeys.Where(key => slots.Contains(SlotHash.Of(key).Value));
        return new LostCommitWindow(keys.ToHashSet(StringComparer.Ordinal), _from, to);
    }

    public ValueTask DisposeAsync() => _ownership.DisposeAsync();
}
