using System.Globalization;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace LoadTests.Chaos.Cluster;

/// <summary>
/// Whether a cluster at rest is as it must be: each slot with one owner, the one that Redis names; nothing left of any
/// move; every row in the slot of its key; shardadmin satisfied.
/// </summary>
internal static class ClusterAudit
{
    /// <summary>What ends by itself once nobody works any more: locks of the routers' sweeps, backends of killed movers.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    /// <returns>What is wrong; empty: nothing.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(ChaosCluster cluster, IReadOnlyList<string> shards, CancellationToken cancellation)
    {
        IReadOnlyList<string> problems;
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
            if ((problems = await LookAsync(cluster, shards, cancellation)).Count == 0 || clock.Elapsed > Patience)
                break;
        var told = new List<string>(problems);
        foreach (var command in (string[])["verify", "doctor"])
            if (await cluster.AdminAsync(cancellation, command) is { IsDone: false } failed)
                told.Add(failed.ToString());
        return told;
    }

    private static async Task<IReadOnlyList<string>> LookAsync(ChaosCluster cluster, IReadOnlyList<string> shards, CancellationToken cancellation)
    {
        var audits = await Task.WhenAll(shards.Select(shard => ShardAudit.ReadAsync(shard, cluster.Shard(shard).ConnectionString, cancellation)));
        await using var redis = await RedisConnection.OpenAsync(cluster.Redis);
        var ring = await new RedisRingStore(redis, new RedisKeys("default")).ReadAsync(cancellation);
        return ring is null ? ["There is no ring in Redis."] : [.. Compare(audits, ring)];
    }

    /// <summary>Pure.</summary>
    public static IEnumerable<string> Compare(IReadOnlyList<ShardAudit> audits, ShardRing ring)
    {
        var owners = audits.SelectMany(audit => audit.Owned.Select(slot => (Slot: slot, audit.Shard))).ToLookup(each => each.Slot, each => each.Shard);
        foreach (var slot in Slot.All)
        {
            string[] all = [.. owners[slot.Value]];
            if (all.Length != 1)
                yield return string.Create(CultureInfo.InvariantCulture, $"Slot {slot} has {(all.Length == 0 ? "no owner" : "the owners " + string.Join(" and ", all))}.");
            else if (ring.OwnerOf(slot).Id.Value != all[0])
                yield return string.Create(CultureInfo.InvariantCulture, $"Slot {slot} is owned by {all[0]}, Redis says {ring.OwnerOf(slot).Id}.");
        }
        foreach (var audit in audits)
            foreach (var (what, count) in audit.LeftOvers)
                yield return string.Create(CultureInfo.InvariantCulture, $"{audit.Shard} has {count} {what}.");
    }
}
