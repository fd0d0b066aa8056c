using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>
/// Measures what TLS costs: two clusters side by side, one of them with TLS from the client to HAProxy, on to the routers, and from there to
/// the shard and to Redis.
/// </summary>
internal sealed class TlsBench : IBench
{
    public string Name => "tls";

    public string Description => "GET and PUT through HAProxy and two routers with TLS everywhere, beside the same without TLS";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var plain = await BenchCluster.StartAsync(routers: 2, cancellation);
        await using var tls = await BenchCluster.StartAsync(
            new BenchPlace(1), routers: 2, shards: 1, FormattableString.Invariant($"{BenchItems.Count:#,0} items and TLS"), ItemFilling.FillAsync, cancellation, "--tls");
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Proxy(tls.Status, RequestMix.Gets, "TLS"), run.Proxy(plain.Status, RequestMix.Gets, "plain"));
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(stop, plain.Shard, tls.Shard), cancellation,
            run.Proxy(tls.Status, RequestMix.Puts, "TLS"), run.Proxy(plain.Status, RequestMix.Puts, "plain"));
        run.Report.Ratio("tls-put", puts[0].RatioTo(puts[1]), target: null);
        run.Report.Ratio("tls", gets[0].RatioTo(gets[1]), target: 0.6);
    }
}
