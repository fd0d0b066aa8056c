using System.Globalization;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>One more router for a running cluster. This program starts it, not ./dev.</summary>
internal static class RouterProcess
{
    /// <param name="program">The router's dll.</param>
    /// <param name="environment">Environment variables beside those that every router gets, or in their place; null: none.</param>
    /// <returns>The router, its address, and how long it took from the start of the process to the first 200 of /health/ready.</returns>
    public static async Task<(ChildServer Server, RouterAddress Address, TimeSpan StartToReady)> StartAsync(
        ClusterStatus cluster, string program, IReadOnlyDictionary<string, string?>? environment, CancellationToken cancellation)
    {
        var ports = FreePorts.Find(2);
        var (server, time) = await ChildServer.StartAsync(
            program, [], Environment(cluster, ports, environment),
            UrlOf(ports[1], "health/ready"), cancellation);
        return (server, new RouterAddress(UrlOf(ports[0], ""), server.ProcessId), time);
    }

    private static Uri UrlOf(int port, string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/{path}"));

    private static Dictionary<string, string?> Environment(ClusterStatus cluster, int[] ports, IReadOnlyDictionary<string, string?>? settings)
    {
        var environment = Usual(cluster, ports);
        foreach (var (name, value) in settings ?? new Dictionary<string, string?>(StringComparer.Ordinal))
            environment[name] = value;
        return environment;
    }

    private static Dictionary<string, string?> Usual(ClusterStatus cluster, int[] ports) => new(StringComparer.Ordinal)
    {
        ["SHARDING_REDIS"] = cluster.Redis,
        ["SHARDING_ROUTER_ID"] = "bench",
        ["SHARDING_BIND"] = "127.0.0.1",
        ["SHARDING_DATA_PORT"] = ports[0].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_OPS_PORT"] = ports[1].ToString(CultureInfo.InvariantCulture),
        ["SHARDING_DRAIN_SECONDS"] = "0",
        ["SHARDING_AUTH"] = "open",
        ["PGUSER"] = ShardServer.User,
    };
}
