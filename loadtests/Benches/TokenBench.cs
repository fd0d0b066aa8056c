using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches;

/// <summary>
/// Measures the cost of tokens: GET and PUT with a session's token are compared with plain ones. The shard has no standbys, so both use the
/// same primary.
/// </summary>
internal sealed class TokenBench : IBench
{
    public string Name => "tokens";

    public string Description => "GET and PUT with Session-Token, beside plain ones through the same router";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var gets = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Router(cluster.Router, RequestMix.SessionGets, name: "with tokens"), run.Router(cluster.Router, RequestMix.Gets));
        var puts = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.SessionPuts, name: "with tokens"), run.Router(cluster.Router, RequestMix.Puts));
        run.Report.Ratio("tokens-put", puts[0].RatioTo(puts[1]), target: null);
        run.Report.Ratio("tokens-get", gets[0].RatioTo(gets[1]), target: null);
    }
}
