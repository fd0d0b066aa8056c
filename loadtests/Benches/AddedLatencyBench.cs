using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>Measures the latency that a request has beyond its statement: with one connection, on an otherwise idle machine.</summary>
internal sealed class AddedLatencyBench : IBench
{
    public string Name => "added-latency";

    public string Description => "p50 and p99 of GET on one connection, beside the same statement by Npgsql";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var standings = await run.CompareAsync(
            "GET on one connection", null, cancellation,
            run.Router(cluster.Router, RequestMix.Gets, users: 1), run.Npgsql(cluster.Shard));
        var p50 = standings[0].MedianOf(latency => latency.P50) - standings[1].MedianOf(latency => latency.P50);
        var p99 = standings[0].MedianOf(latency => latency.P99) - standings[1].MedianOf(latency => latency.P99);
        run.Report.AtMost("added-latency p50", p50!.Value.TotalMicroseconds, 150, "µs");
        run.Report.AtMost("added-latency p99", p99!.Value.TotalMicroseconds, 1000, "µs");
    }
}
