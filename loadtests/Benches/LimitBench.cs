using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>Compares the router with the limit of HTTP alone: with Kestrel, which answers a constant to the same client.</summary>
internal sealed class LimitBench : IBench
{
    public string Name => "limit";

    public string Description => "GET through one router, beside a bare Kestrel that answers a constant";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var (kestrel, url, _) = await BareKestrel.StartAsync(cancellation);
        await using (kestrel)
        {
            var standings = await run.CompareAsync(
                "GET of single items", null, cancellation,
                run.Router(cluster.Router, RequestMix.Gets), run.Kestrel(url));
            run.Report.Ratio("limit", standings[0].RatioTo(standings[1]), target: 0.7);
        }
    }
}
