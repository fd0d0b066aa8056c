using System.Globalization;
using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>How near the router comes to what HTTP alone allows: Kestrel answering a constant to the same client.</summary>
internal sealed class LimitBench : IBench
{
    public string Name => "limit";

    public string Description => "GET through one router, beside a bare Kestrel that answers a constant";

    private static string Program => Path.Combine(Repository.Root, "loadtests", "BareKestrel", "bin", "Release", "net10.0", "BareKestrel.dll");

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var port = FreePorts.Find(1)[0];
        var url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
        var (kestrel, _) = await ChildServer.StartAsync(Program, [port.ToString(CultureInfo.InvariantCulture)], null, url, cancellation);
        await using (kestrel)
        {
            var standings = await run.CompareAsync(
                "GET of single items", null, cancellation,
                run.Router(cluster.Router, RequestMix.Gets), run.Kestrel(url));
            run.Report.Ratio("limit", standings[0].RatioTo(standings[1]), target: 0.7);
        }
    }
}
