using LoadTests.Cluster;

namespace LoadTests.Benches.Scaling;

/// <summary>What there is more and more of, each held to the same share of a core, while all the rest has what remains.</summary>
/// <param name="Name">Of the bench.</param>
/// <param name="Part">One of them, as in "1 shard".</param>
/// <param name="CoresOfOne">0.1 for a tenth of a core. So small that what is not held, on two cores, keeps up with the most of them.</param>
/// <param name="StartAsync">A cluster with so many.</param>
/// <param name="Target">Where the load goes.</param>
/// <param name="Processes">Those that are held, with their children.</param>
internal sealed record ScaledPart(
    string Name, string Description, string Part, IReadOnlyList<int> Counts, double CoresOfOne,
    Func<int, BenchPlace, CancellationToken, Task<BenchCluster>> StartAsync, Func<ClusterStatus, Uri> Target, Func<ClusterStatus, IEnumerable<int>> Processes)
{
    /// <summary>Straight to the one router: the proxy's share of the two cores would hide what the databases do.</summary>
    public static ScaledPart Shards { get; } = new(
        "partitioned", "1, 2, 4, 8 shards with 0.025 core each, 80 % GET and 20 % PUT, the same load for each shard, beside one unpartitioned database",
        "shard", [1, 2, 4, 8], 0.025,
        (shards, place, cancellation) => StartClusterAsync(routers: 1, shards, place, cancellation), cluster => cluster.Routers[0].Url, cluster => cluster.Shards.Select(shard => shard.ProcessId));

    public static ScaledPart Routers { get; } = new(
        "routers", "1, 2, 4 routers with 0.2 core each behind HAProxy, 80 % GET and 20 % PUT, the same load for each router, two shards without a limit",
        "router", [1, 2, 4], 0.2,
        (routers, place, cancellation) => StartClusterAsync(routers, shards: 2, place, cancellation), cluster => cluster.Proxy, cluster => cluster.Routers.Select(router => router.ProcessId));

    private static Task<BenchCluster> StartClusterAsync(int routers, int shards, BenchPlace place, CancellationToken cancellation) =>
        BenchCluster.StartAsync(place, routers, shards, FormattableString.Invariant($"{BenchItems.Count:#,0} items in all"), ItemFilling.FillAllAsync, cancellation);
}
