using System.Text.Json;
using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>
/// This bench measures what API keys cost: GET with a key at a router that asks for one, beside plain GET at one that runs open.
/// </summary>
internal sealed class KeyBench : IBench
{
    public string Name => "keys";

    public string Description => "GET with an API key, beside plain GET through a router that asks nobody for one";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var key = await KeyAsync(cluster.Status, cancellation);
        // Both are started from here, in the same way, so that they differ in nothing else.
        var (openServer, open, _) = await StartAsync(cluster.Status, "open", cancellation);
        await using (openServer)
        {
            var (guardedServer, guarded, _) = await StartAsync(cluster.Status, "required", cancellation);
            await using (guardedServer)
            {
                var gets = await run.CompareAsync(
                    "GET of single items", null, cancellation,
                    run.Router(guarded, RequestMix.GetsWith(key), name: "with a key"), run.Router(open, RequestMix.Gets, name: "open"));
                run.Report.Ratio("keys-get", gets[0].RatioTo(gets[1]), target: 0.97);
            }
        }
    }

    private static Task<(ChildServer Server, RouterAddress Address, TimeSpan StartToReady)> StartAsync(
        ClusterStatus cluster, string auth, CancellationToken cancellation) =>
        RouterProcess.StartAsync(
            cluster, BenchCluster.RouterProgram,
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["SHARDING_AUTH"] = auth, ["SHARDING_ROUTER_ID"] = "bench-" + auth },
            cancellation);

    /// <summary>For some partitions and one collection: what a tenant's key costs.</summary>
    private static async Task<string> KeyAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        var run = await AdminRun.RunAsync(
            cluster,
            ["keys", "create", "--name", "bench", "--scopes", "items:read", "--collections", BenchItems.Collection, "--partitions", "none,*", "-o", "json"],
            cancellation);
        using var created = JsonDocument.Parse(run.Output);
        return created.RootElement.GetProperty("key").GetString()!;
    }
}
