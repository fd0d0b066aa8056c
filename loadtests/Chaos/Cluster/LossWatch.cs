using Chaos.Checkers;
using Chaos.Workloads;
using ShardCore.Ring;

namespace Chaos.Cluster;

/// <summary>Finds the time window in which a shard may lose acknowledged writes, because an asynchronous standby takes over.</summary>
internal sealed class LossWatch : IAsyncDisposable
{
    private readonly WorkloadSet _workloads;
    private readonly OwnershipWatch _ownership;
    private long _from;

    private LossWatch(WorkloadSet workloads, OwnershipWatch ownership) => (_workloads, _ownership) = (workloads, ownership);

    /// <summary>
    /// Call it right before the standby stops receiving, or before the takeover. When it returns, the standby has flushed all commits that
    /// were acknowledged before the window.
    /// </summary>
    public static async Task<LossWatch> BeginAsync(
        ChaosCluster cluster, ShardStandby standby, WorkloadSet workloads, CancellationToken cancellation)
    {
        var watch = new LossWatch(workloads, await OwnershipWatch.BeginAsync(cluster.Shard(standby.Shard), cancellation));
        try
        {
            watch._from = workloads.Now; // before the position is read: later commits may be behind the position
            await standby.BeLevelAsync(cancellation);
            return watch;
        }
        catch
        {
            await watch.DisposeAsync();
            throw;
        }
    }

    /// <summary>Call it when the shard acknowledges no more writes that may be lost; the shard must answer.</summary>
    public async Task<LostCommitWindow> EndAsync(CancellationToken cancellation)
    {
        var to = _workloads.Now;
        var slots = await _ownership.SlotsAsync(cancellation);
        var keys = _workloads.AllKeys.Where(key => slots.Contains(SlotHash.Of(key).Value));
        return new LostCommitWindow(keys.ToHashSet(StringComparer.Ordinal), _from, to);
    }

    public ValueTask DisposeAsync() => _ownership.DisposeAsync();
}
