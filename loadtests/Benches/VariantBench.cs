using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>
/// Measures the gain of a change: compares a router with other settings (<c>--set</c>) or of another build (<c>--program</c>) with the
/// router of this checkout, in the same cluster and at the same time.
/// </summary>
internal sealed class VariantBench : IBench
{
    public string Name => "variant";

    public string Description => "GET and PUT through a router with --set NAME=VALUE or of another --program, beside this one";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var (server, variant, _) = await RouterProcess.StartAsync(
            cluster.Status, run.Options.VariantProgram ?? BenchCluster.RouterProgram, run.Options.VariantSettings, cancellation);
        await using (server)
        {
            var gets = await run.CompareAsync(
                "GET of single items", null, cancellation,
                run.Router(variant, RequestMix.Gets, name: "variant"), run.Router(cluster.Router, RequestMix.Gets));
            var residentAfterGet = (Variant: ResidentMemory.OfProcessMiB(variant.ProcessId), Router: ResidentMemory.OfProcessMiB(cluster.Router.ProcessId));
            var puts = await run.CompareAsync(
                "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
                run.Router(variant, RequestMix.Puts, name: "variant"), run.Router(cluster.Router, RequestMix.Puts));
            var single = await run.CompareAsync(
                "GET on one connection", null, cancellation,
                run.Router(variant, RequestMix.Gets, users: 1, name: "variant"), run.Router(cluster.Router, RequestMix.Gets, users: 1));
            run.Report.AtMost("variant resident after get", residentAfterGet.Variant, residentAfterGet.Router, "MiB");
            run.Report.Ratio("variant-one-connection", single[0].RatioTo(single[1]), target: null);
            run.Report.Ratio("variant-put", puts[0].RatioTo(puts[1]), target: null);
            run.Report.Ratio("variant-get", gets[0].RatioTo(gets[1]), target: null);
        }
    }
}
