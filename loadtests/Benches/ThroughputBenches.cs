using LoadTests.Cluster;
using LoadTests.Http;
using LoadTests.References;

namespace LoadTests.Benches;

/// <summary>Compares a GET of single items over HTTP, with one router and one shard, with the same look-up by pgbench.</summary>
internal sealed class GetBench : IBench
{
    public string Name => "get";

    public string Description => "single-item GET through one router, beside pgbench with the same look-up";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var standings = await run.CompareAsync(
            "GET of single items", null, cancellation,
            run.Router(cluster.Router, RequestMix.Gets), PgBench.Gets(cluster.Shard));
        run.Report.Ratio("get", standings[0].RatioTo(standings[1]), target: 1.5);
    }
}

/// <summary>Compares a durable replace over HTTP with an upsert of a single row by pgbench.</summary>
internal sealed class PutBench : IBench
{
    public string Name => "put";

    public string Description => "durable PUT of existing items through one router, beside pgbench with an upsert";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var standings = await run.CompareAsync(
            "Durable PUT of existing items", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.Puts), PgBench.Puts(cluster.Shard));
        run.Report.Ratio("put", standings[0].RatioTo(standings[1]), target: 2.5);
    }
}

/// <summary>Compares 80 % GET and 20 % PUT with pgbench, with 64 connections on both sides.</summary>
internal sealed class MixedBench : IBench
{
    private const int Users = 64;

    public string Name => "mixed";

    public string Description => "80 % GET, 20 % PUT at 64 connections, beside the same by pgbench";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(routers: 1, cancellation);
        var standings = await run.CompareAsync(
            "80 % GET, 20 % PUT", stop => ItemFilling.SettleAsync(cluster.Shard, stop), cancellation,
            run.Router(cluster.Router, RequestMix.Mixed, Users), PgBench.Mixed(cluster.Shard, Users));
        run.Report.Ratio("mixed", standings[0].RatioTo(standings[1]), target: 1.0);
    }
}
