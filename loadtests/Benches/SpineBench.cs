using LoadTests.Cluster;
using LoadTests.Http;
using LoadTests.References;

namespace LoadTests.Benches;

/// <summary>
/// Measures the whole service in one run: GET and PUT through one router and through HAProxy with two routers, the memory, and the time
/// until a router is ready. The reference is pgbench with the statements of a program without a router: a look-up with the ownership join,
/// and a plain upsert.
/// </summary>
internal sealed class SpineBench : IBench
{
    public string Name => "spine";

    public string Description => "GET and PUT through a router, through HAProxy, and by pgbench; memory; start to ready";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 2, cancellation);
        var starts = await RouterFootprint.StartToReadyAsync(cluster.Status, cancellation);
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Router(cluster.Router, RequestMix.Gets), run.Proxy(cluster.Status, RequestMix.Gets), PgBench.Gets(cluster.Shard));
        var residentAfterGet = ResidentMemory.OfProcessMiB(cluster.Router.ProcessId);
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.Puts), run.Proxy(cluster.Status, RequestMix.Puts), PgBench.Puts(cluster.Shard));

        run.Report.Starts(starts);
        run.Report.AtMost("resident after get", residentAfterGet, RouterFootprint.MaxResidentMiB, "MiB");
        run.Report.Ratio("put-haproxy", puts[1].RatioTo(puts[2]), target: null);
        run.Report.Ratio("get-haproxy", gets[1].RatioTo(gets[2]), target: null);
        run.Report.Ratio("proxy", gets[1].RatioTo(gets[0]), target: 0.6);
        run.Report.Ratio("put", puts[0].RatioTo(puts[2]), target: 2.5);
        run.Report.Ratio("get", gets[0].RatioTo(gets[2]), target: 1.5);
    }
}
