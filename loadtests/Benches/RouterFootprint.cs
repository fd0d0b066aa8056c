using System.Globalization;
using LoadTests.Cluster;

namespace LoadTests.Benches;

/// <summary>How long a router takes to be ready, in a cluster that runs.</summary>
internal static class RouterFootprint
{
    public const int Starts = 5;
    public const double MaxStartMs = 1000;
    public const double MaxResidentMiB = 150;

    /// <summary>From the start of the process to the first 200 of /health/ready, for each of <see cref="Starts"/> starts.</summary>
    public static async Task<IReadOnlyList<TimeSpan>> StartToReadyAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        var times = new List<TimeSpan>(Starts);
        for (var i = 0; i < Starts; i++)
        {
            var ports = FreePorts.Find(2);
            var ready = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ports[1]}/health/ready"));
            var (router, time) = await ChildServer.StartAsync(BenchCluster.RouterProgram, [], Environment(cluster, ports), ready, cancellation);
            await router.DisposeAsync();
            times.Add(time);
        }
        return times;
    }

    private static Dictionary<string, string?> Environment(ClusterStatus cluster, int[] ports) => new(StringComparer.Ordinal)
    {
        ["SHARDING_REDIS"] = cluster.Redis,
        ["SHARDING_ROUTER_ID"] = "bench",
        ["SHARDING_BIND"] = "127.0.0.1",
        ["SHARDING_DATA_PORT"] = ports[0].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_OPS_PORT"] = ports[1].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_DRAIN_SECONDS"] = "0",
        ["PGUSER"] = ShardAddress.User,
    };
}
