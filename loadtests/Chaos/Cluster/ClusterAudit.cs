using System.Globalization;
using ShardCore.Ring;

namespace Chaos.Cluster;

/// <summary>
/// Checks a cluster at rest: each slot has one owner, which Redis names too; no move has left anything; every row is in the slot of its
/// key; and shardadmin finds no problem.
/// </summary>
internal static class ClusterAudit
{
    /// <summary>
    /// How long the audit waits for things that end by themselves: locks of the routers' sweeps, and backends of killed movers.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    /// <returns>The problems that the queries of this class and shardadmin found; empty: none.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(ChaosCluster cluster, IReadOnlyList<string> shards, CancellationToken cancellation)
    {
        var told = new List<string>(await LookAsync(cluster, shards, cancellation));
        foreach (var command in (string[])["verify", "doctor"])
            if (await cluster.AdminAsync(cancellation, command) is { IsDone: false } failed)
                told.Add(failed.ToString());
        return told;
    }

    /// <returns>The problems that the queries of this class found.</returns>
    public static async Task<IReadOnlyList<string>> LookAsync(ChaosCluster cluster, IReadOnlyList<string> shards, CancellationToken cancellation)
    {
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); ; await Task.Delay(Pause, cancellation))
            if (await LookOnceAsync(cluster, shards, cancellation) is var problems && (problems.Count == 0 || clock.Elapsed > Patience))
                return problems;
    }

    private static async Task<IReadOnlyList<string>> LookOnceAsync(ChaosCluster cluster, IReadOnlyList<string> shards, CancellationToken cancellation)
    {
        var audits = await Task.WhenAll(shards.Select(shard => ShardAudit.ReadAsync(shard, cluster.Shard(shard).ConnectionString, cancellation)));
        return await cluster.RingAsync(cancellation) is { } ring ? [.. Compare(audits, ring)] : ["There is no ring in Redis."];
    }

    /// <summary>Compares the shards with the ring. A pure function.</summary>
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
