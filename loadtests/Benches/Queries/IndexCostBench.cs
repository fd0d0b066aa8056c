using LoadTests.Cluster;
using LoadTests.Http;

namespace LoadTests.Benches.Queries;

/// <summary>
/// Measures what indexes cost writes: durable PUT into a collection with two indexes is compared with PUT into one without. And it measures
/// whether a collection without an index pays for the indexes of another one: the reference is a cluster that has no index at all.
/// </summary>
/// <remarks>
/// With <c>--program</c> that reference has the router of another build, such as the last one before indexes. Its shards have the schema of
/// this checkout: what a change of the SQL functions costs, it does not show.
/// </remarks>
internal sealed class IndexCostBench : IBench
{
    private static readonly RankedItems Indexed = RankedItems.Default;
    private static readonly RankedItems Bare = RankedItems.Default with { Collection = "bare" };

    public string Name => "index-cost";

    public string Description =>
        "durable PUT into a collection with two indexes, beside PUT into one without; and that one beside a cluster without indexes";

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await StartAsync(BenchPlace.First, "with two indexes and as many without", FillAsync, cancellation);
        await using var before = await StartAsync(new BenchPlace(1), "without an index", FillBareAsync, cancellation);
        // Both are started from here, in the same way, so that they differ in nothing else.
        var (server, router, _) = await RouterProcess.StartAsync(cluster.Status, BenchCluster.RouterProgram, null, cancellation);
        await using (server)
        {
            var (serverBefore, routerBefore, _) = await RouterProcess.StartAsync(
                before.Status, run.Options.VariantProgram ?? BenchCluster.RouterProgram, null, cancellation);
            await using (serverBefore)
            {
                var puts = await run.CompareAsync(
                    "Durable PUT of existing items", stop => ItemFilling.SettleAsync(stop, cluster.Shard, before.Shard), cancellation,
                    run.Router(router, RequestMix.PutsOf(Indexed), name: "two indexes"),
                    run.Router(router, RequestMix.PutsOf(Bare), name: "no index"),
                    run.Router(routerBefore, RequestMix.PutsOf(Bare), name: "no index anywhere"));
                run.Report.Ratio("index-cost of no index beside two, to no index anywhere", puts[1].RatioTo(puts[2]), target: 0.97);
                run.Report.Ratio("index-cost of two indexes, to none", puts[0].RatioTo(puts[1]), target: 0.6);
            }
        }
    }

    private static Task<BenchCluster> StartAsync(
        BenchPlace place, string contents, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation) =>
        BenchCluster.StartAsync(
            place, routers: 1, shards: 1, FormattableString.Invariant($"{Bare.Count:#,0} items {contents}"), fill, cancellation);

    private static async Task FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await RankedFilling.FillAsync(cluster, Indexed, cancellation, RankedItems.ByRank, RankedItems.ByGroup);
        await FillBareAsync(cluster, cancellation);
    }

    private static Task FillBareAsync(ClusterStatus cluster, CancellationToken cancellation) =>
        RankedFilling.FillAsync(cluster, Bare, cancellation);
}
