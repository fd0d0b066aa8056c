using System.Globalization;

namespace LoadTests.Cluster;

/// <summary>One more router for a cluster that runs, started from here and not by ./dev.</summary>
internal static class RouterProcess
{
    /// <param name="program">Its dll.</param>
    /// <param name="environment">Beside what every router is told; null: nothing.</param>
    /// <returns>The router, its address, and how long it took from the start of the process to the first 200 of /health/ready.</returns>
    public static async Task<(ChildServer Server, RouterAddress Address, TimeSpan StartToReady)> StartAsync(
        ClusterStatus cluster, string program, IReadOnlyDictionary<string, string?>? environment, CancellationToken cancellation)
    {
        var ports = FreePorts.Find(2);
        var (server, time) = await ChildServer.StartAsync(
            program, [], new Dictionary<string, string?>(Environment(cluster, ports).Concat(environment ?? new Dictionary<string, string?>(StringComparer.Ordinal)), StringComparer.Ordinal),
            UrlOf(ports[1], "health/ready"), cancellation);
        return (server, new RouterAddress(UrlOf(ports[0], ""), server.ProcessId), time);
    }

    private static Uri UrlOf(int port, string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/{path}"));

    private static Dictionary<string, string?> Environment(ClusterStatus cluster, int[] ports) => new(StringComparer.Ordinal)
    {
        ["SHARDING_REDIS"] = cluster.Redis,
        ["SHARDING_ROUTER_ID"] = "bench",
        ["SHARDING_BIND"] = "127.0.0.1",
        ["SHARDING_DATA_PORT"] = ports[0].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_OPS_PORT"] = ports[1].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_DRAIN_SECONDS"] = "0",
        ["PGUSER"] = ShardServer.User,
    };
}
