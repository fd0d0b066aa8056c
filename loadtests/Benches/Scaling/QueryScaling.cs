using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http.Queries;
using LoadTests.References;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// Measures queries over all shards in the clusters of <see cref="ScalingBench"/>, by a few users who never pause, and the same by SQL on a
/// plain table of the only shard. This is where partitioning costs: a page over N shards is a statement at each of them, and each of them
/// reads a whole page. A count is divided among them, but for the cost of the statements themselves.
/// </summary>
/// <param name="turn">Measures one scenario while the cluster's shards are held to their share.</param>
internal sealed class QueryScaling(
    BenchRun run, IReadOnlyList<ScaledCluster> clusters, Func<ScaledCluster, LoadScenario, LoadPlan, Task<LoadResult>> turn)
{
    /// <summary>With a small share of a core a page takes so long that more users would only wait for each other.</summary>
    private const int Users = 4;

    /// <summary>So few that a count over one shard with a small share of a core ends long before its time limit.</summary>
    private static readonly RankedItems Items = RankedItems.Default with { Count = 20_000 };

    public static async Task FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await ItemFilling.FillAllAsync(cluster, cancellation);
        await RankedFilling.FillAsync(cluster, Items, cancellation, RankedItems.ByRank, RankedItems.ByGroup);
    }

    /// <returns>For pages and for counts: the results of each cluster, and of the plain table last.</returns>
    public async Task<IReadOnlyList<QueryScalingStep>> MeasureAsync(CancellationToken cancellation)
    {
        var shard = clusters[0].Status.Shard;
        await PlainTable.MakeAsync(shard, Items, cancellation);
        return
        [
            await MeasureAsync("page", cluster => Scenario(cluster, RankedQueries.FirstPage(Items)), PlainTable.Pages(shard)),
            await MeasureAsync("count", cluster => Scenario(cluster, RankedQueries.Counts(Items)), PlainTable.Counts(shard, Items)),
        ];
    }

    private async Task<QueryScalingStep> MeasureAsync(string query, Func<ScaledCluster, LoadScenario> scenario, LoadScenario plain)
    {
        var plan = LoadPlan.Closed(Users, run.Options.WarmUp, run.Options.Duration);
        var results = clusters.Select(_ => new List<LoadResult>()).ToArray();
        var ofPlain = new List<LoadResult>();
        for (var pair = 1; pair <= run.Options.Pairs; pair++)
        {
            for (var i = 0; i < clusters.Count; i++)
                results[i].Add(await turn(clusters[i], scenario(clusters[i]), plan));
            ofPlain.Add(await turn(clusters[0], plain, plan));
            var last = clusters.Select((cluster, i) => (FormattableString.Invariant($"{query} {cluster.Count}:"), results[i][^1]));
            run.Report.Progress(pair, run.Options.Pairs, last.Append(("plain SQL:", ofPlain[^1])));
        }
        return new QueryScalingStep(
            query, [.. clusters.Select((cluster, i) => (cluster.Count, new Standing("", results[i])))], new Standing("plain SQL", ofPlain));
    }

    private static LoadScenario Scenario(ScaledCluster cluster, params IReadOnlyList<QueryRequest> queries) =>
        QuerySession.Scenario("queries", cluster.Status.Routers[0].Url, queries);
}

/// <param name="Query">What was asked for.</param>
/// <param name="Clusters">The number of shards, and what was measured there; the first has one.</param>
/// <param name="Plain">The plain table, in the database of the only shard.</param>
internal sealed record QueryScalingStep(string Query, IReadOnlyList<(int Shards, Standing Standing)> Clusters, Standing Plain);
