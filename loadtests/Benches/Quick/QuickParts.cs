using LoadTests.Cluster;
using LoadTests.Http;
using LoadTests.References;

namespace LoadTests.Benches.Quick;

/// <summary>The guard's measurements: short versions of the benches with these names, all in one cluster with two routers.</summary>
internal static class QuickParts
{
    private const int MixedUsers = 64;

    public delegate Task<IReadOnlyList<QuickRatio>> Part(BenchRun run, BenchCluster cluster, CancellationToken cancellation);

    /// <summary>The footprint comes last: it measures a router that has worked before.</summary>
    public static IReadOnlyList<Part> All { get; } =
    [
        GetAndProxyAsync, PutAsync, MixedAsync, AddedLatencyAsync, QuickQueries.MeasureAsync, QuickFootprint.MeasureAsync,
    ];

    private static async Task<IReadOnlyList<QuickRatio>> GetAndProxyAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Router(cluster.Router, RequestMix.Gets), run.Proxy(cluster.Status, RequestMix.Gets), PgBench.Gets(cluster.Shard));
        return [Gain("get", gets[0], gets[2]), Gain("proxy", gets[1], gets[0])];
    }

    private static async Task<IReadOnlyList<QuickRatio>> PutAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.Puts), PgBench.Puts(cluster.Shard));
        return [Gain("put", puts[0], puts[1])];
    }

    private static async Task<IReadOnlyList<QuickRatio>> MixedAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        var mixed = await run.CompareAsync(
            "80 % GET, 20 % PUT", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.Mixed, MixedUsers), PgBench.Mixed(cluster.Shard, MixedUsers));
        return [Gain("mixed", mixed[0], mixed[1])];
    }

    /// <summary>
    /// The latency as a multiple of the statement's own latency: the microseconds that a router adds depend on the machine's load.
    /// </summary>
    private static async Task<IReadOnlyList<QuickRatio>> AddedLatencyAsync(BenchRun run, BenchCluster cluster, CancellationToken cancellation)
    {
        var single = await run.CompareAsync(
            "GET on one connection", null, cancellation,
            run.Router(cluster.Router, RequestMix.Gets, users: 1), run.Npgsql(cluster.Shard));
        // The p99 is not compared: in such a short time a single disturbance by another program decides it. On one commit it was 2.2, 2.4
        // and 8.4.
        run.Report.Told("added-latency p99", single[0].MedianOf(latency => latency.P99)!.Value / single[1].MedianOf(latency => latency.P99)!.Value, "times the statement's");
        return [new("added-latency p50, times the statement's", single[0].MedianOf(latency => latency.P50)!.Value / single[1].MedianOf(latency => latency.P50)!.Value, LessIsBetter: true)];
    }

    private static QuickRatio Gain(string name, Standing measured, Standing reference) => new(name, measured.RatioTo(reference).Median, LessIsBetter: false);
}
