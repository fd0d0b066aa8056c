using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;
using LoadTests.References;
using LoadTests.Reports;

namespace LoadTests.Benches;

/// <summary>One call of a bench: what it may use, and where its figures go.</summary>
internal sealed class BenchRun(BenchOptions options, ILoadEngine engine, Report report)
{
    /// <summary>Connections of the benches that look for the most there is.</summary>
    public const int ManyUsers = 256;

    public BenchOptions Options => options;

    public Report Report => report;

    public string DescribeOpenLoop(LoadPlan plan) => engine.DescribeOpenLoop(plan);

    public IContestant Router(RouterAddress router, RequestMix mix, int users = ManyUsers, string name = "router") =>
        new CpuContestant(new EngineContestant(engine, HttpSession.Scenario(name, router.Url, mix), users), [router.ProcessId], []);

    /// <summary>The CPU of the router and of its shard.</summary>
    public IContestant RouterAndShard(BenchCluster cluster, RequestMix mix, int users = ManyUsers) =>
        new CpuContestant(new EngineContestant(engine, HttpSession.Scenario("router", cluster.Router.Url, mix), users), [cluster.Router.ProcessId], [cluster.Shard.ProcessId]);

    public Task<LoadResult> LoadAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation) => engine.RunAsync(scenario, plan, cancellation);

    public IContestant Proxy(ClusterStatus cluster, RequestMix mix) => new CpuContestant(
        new EngineContestant(engine, HttpSession.Scenario("haproxy", cluster.Proxy, mix), ManyUsers), [.. cluster.Routers.Select(router => router.ProcessId)], []);

    public IContestant Kestrel(Uri server) => new EngineContestant(engine, HttpSession.Scenario("kestrel", server, RequestMix.Constant), ManyUsers);

    public IContestant Npgsql(ShardServer shard) =>
        new CpuContestant(new EngineContestant(engine, NpgsqlSession.Scenario("npgsql", shard), users: 1), [], [shard.ProcessId]);

    /// <summary>Measures the contestants in turn, as often as the options say.</summary>
    /// <param name="settle">Before each measurement: clears away what the last one left to be done. null: nothing is left.</param>
    public async Task<IReadOnlyList<Standing>> CompareAsync(
        string title, Func<CancellationToken, Task>? settle, CancellationToken cancellation, params IReadOnlyList<IContestant> contestants)
    {
        report.Begin(title, options);
        foreach (var contestant in contestants)
            await contestant.RunAsync(TimeSpan.Zero, options.FirstWarmUp, cancellation);

        var runs = contestants.Select(_ => new List<LoadResult>()).ToArray();
        for (var pair = 1; pair <= options.Pairs; pair++)
        {
            for (var i = 0; i < contestants.Count; i++)
            {
                if (settle is not null)
                    await settle(cancellation);
                runs[i].Add(await contestants[i].RunAsync(options.WarmUp, options.Duration, cancellation));
            }
            report.Progress(pair, options.Pairs, contestants.Select((contestant, i) => (contestant.Name, runs[i][^1])));
        }
        Standing[] standings = [.. contestants.Select((contestant, i) => new Standing(contestant.Name, runs[i]))];
        report.Table(standings);
        return standings;
    }
}
