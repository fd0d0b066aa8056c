using LoadTests.Cluster;
using LoadTests.Http;
using LoadTests.References;

namespace LoadTests.Benches;

/// <summary>
/// Measures the cost of sharding where one database would be enough: the same requests go through router and shard, and directly to the
/// same database. It measures latency on one connection, and the CPU time of the servers on one and on many connections.
/// </summary>
internal sealed class CostBench : IBench
{
    public string Name => "cost";

    public string Description =>
        "added latency and CPU of a request through router and shard, compared with Npgsql and pgbench directly at the same database";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        IReadOnlyList<int> shard = [cluster.Shard.ProcessId];
        var single = await run.CompareAsync(
            "GET on one connection", null, cancellation,
            run.RouterAndShard(cluster, RequestMix.Gets, users: 1), run.Npgsql(cluster.Shard));
        var gets = await run.CompareAsync(
            "GET, as many as there can be", null, cancellation,
            run.RouterAndShard(cluster, RequestMix.Gets), new CpuContestant(PgBench.Gets(cluster.Shard), [], shard));
        var puts = await run.CompareAsync(
            "Durable PUT, as many as there can be", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.RouterAndShard(cluster, RequestMix.Puts), new CpuContestant(PgBench.Puts(cluster.Shard), [], shard));

        Tell(run, "one GET at a time", single);
        Tell(run, "many GET", gets);
        Tell(run, "many PUT", puts);
        run.Report.Told("cost added latency p50", (single[0].MedianOf(latency => latency.P50) - single[1].MedianOf(latency => latency.P50))!.Value.TotalMicroseconds, "µs");
        run.Report.Told("cost added latency p99", (single[0].MedianOf(latency => latency.P99) - single[1].MedianOf(latency => latency.P99))!.Value.TotalMicroseconds, "µs");
    }

    private static void Tell(BenchRun run, string what, IReadOnlyList<Standing> standings)
    {
        var (router, shard, direct) = (standings[0].MedianRouterCpu!.Value, standings[0].MedianShardCpu!.Value, standings[1].MedianShardCpu!.Value);
        run.Report.Told($"cost CPU of {what}", (router + shard).TotalMicroseconds, FormattableString.Invariant(
            $"µs (router {router.TotalMicroseconds:0}, shard {shard.TotalMicroseconds:0}); the database alone {direct.TotalMicroseconds:0}: {(router + shard) / direct:0.00} times"));
    }
}
