using LoadTests.Cluster;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// The part whose number is increased. Each one is limited to the same share of a core; all other processes use the remaining CPU time.
/// </summary>
/// <param name="Name">The name of the bench.</param>
/// <param name="Part">The word for one of them, as in "1 shard".</param>
/// <param name="CoresOfOne">The share of a core: 0.1 is a tenth. It is so small that on two cores the processes without a limit can keep up
/// with the largest number of parts.</param>
/// <param name="StartAsync">Starts a cluster with this number of parts.</param>
/// <param name="Target">The address that gets the load.</param>
/// <param name="Processes">The processes that are limited, with their children.</param>
internal sealed record ScaledPart(
    string Name, string Description, string Part, IReadOnlyList<int> Counts, double CoresOfOne,
    Func<int, BenchPlace, CancellationToken, Task<BenchCluster>> StartAsync, Func<ClusterStatus, Uri> Target, Func<ClusterStatus, IEnumerable<int>> Processes)
{
    /// <summary>The load goes directly to the router: the proxy's use of the two cores would hide the effect of the databases.</summary>
    public static ScaledPart Shards { get; } = new(
        "partitioned",
        "1, 2, 4, 8 shards with 0.025 core each, 80 % GET and 20 % PUT, the same load for each shard; queries, beside a plain table",
        "shard", [1, 2, 4, 8], 0.025,
        (shards, place, cancellation) => StartClusterAsync(routers: 1, shards, place, QueryScaling.FillAsync, cancellation),
        cluster => cluster.Routers[0].Url, cluster => cluster.Shards.Select(shard => shard.ProcessId))
    {
        HasQueries = true,
    };

    public static ScaledPart Routers { get; } = new(
        "routers", "1, 2, 4 routers with 0.2 core each behind HAProxy, 80 % GET and 20 % PUT, the same load for each router, two shards without a limit",
        "router", [1, 2, 4], 0.2,
        (routers, place, cancellation) => StartClusterAsync(routers, shards: 2, place, ItemFilling.FillAllAsync, cancellation),
        cluster => cluster.Proxy, cluster => cluster.Routers.Select(router => router.ProcessId));

    /// <summary>Whether queries over all shards are measured too.</summary>
    public bool HasQueries { get; init; }

    private static Task<BenchCluster> StartClusterAsync(
        int routers, int shards, BenchPlace place, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation) =>
        BenchCluster.StartAsync(
            place, routers, shards, FormattableString.Invariant($"{BenchItems.Count:#,0} items in all"), fill, cancellation);
}
