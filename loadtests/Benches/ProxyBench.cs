using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>Measures the cost of HAProxy: HAProxy with two routers, compared with one router without it, on the same cores.</summary>
internal sealed class ProxyBench : IBench
{
    public string Name => "proxy";

    public string Description => "GET and PUT through HAProxy and two routers, beside one router without HAProxy";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 2, cancellation);
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Proxy(cluster.Status, RequestMix.Gets), run.Router(cluster.Router, RequestMix.Gets));
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Proxy(cluster.Status, RequestMix.Puts), run.Router(cluster.Router, RequestMix.Puts));
        run.Report.Ratio("proxy-put", puts[0].RatioTo(puts[1]), target: null);
        run.Report.Ratio("proxy", gets[0].RatioTo(gets[1]), target: 0.6);
    }
}
