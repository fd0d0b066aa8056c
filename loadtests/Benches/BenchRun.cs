using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;
using LoadTests.Http.Queries;
using LoadTests.References;
using LoadTests.Reports;
using Workbench;

namespace LoadTests.Benches;

/// <summary>One run of a bench: the options and the engine that it uses, and the report for its figures.</summary>
internal sealed class BenchRun(BenchOptions options, ILoadEngine engine, Report report)
{
    /// <summary>The number of connections in benches that measure the highest throughput.</summary>
    public const int ManyUsers = 256;

    public BenchOptions Options => options;

    public Report Report => report;

    public string DescribeOpenLoop(LoadPlan plan) => engine.DescribeOpenLoop(plan);

    public IContestant Router(RouterAddress router, RequestMix mix, int users = ManyUsers, string name = "router") =>
        new CpuContestant(new EngineContestant(engine, HttpSession.Scenario(name, router.Url, mix), users), [router.ProcessId], []);

    /// <summary>The router as contestant, with the CPU time of the router and its shard.</summary>
    public IContestant RouterAndShard(BenchCluster cluster, RequestMix mix, int users = ManyUsers, string name = "router") =>
        new CpuContestant(new EngineContestant(engine, HttpSession.Scenario(name, cluster.Router.Url, mix), users), [cluster.Router.ProcessId], [cluster.Shard.ProcessId]);

    /// <summary>Queries over all shards as contestant, with the CPU time of the router and of all shards.</summary>
    public IContestant Queries(string name, BenchCluster cluster, int users, params IReadOnlyList<QueryRequest> queries) =>
        new CpuContestant(
            new EngineContestant(engine, QuerySession.Scenario(name, cluster.Router.Url, queries), users),
            [cluster.Router.ProcessId], [.. cluster.Status.Shards.Select(shard => shard.ProcessId)]);

    /// <summary>The same without shards, directly in the database.</summary>
    public IContestant Plain(LoadScenario scenario, ShardServer shard, int users) =>
        new CpuContestant(new EngineContestant(engine, scenario, users), [], [shard.ProcessId]);

    /// <summary>The same run with other durations, for a short part of it.</summary>
    public BenchRun With(BenchOptions others) => new(others, engine, report);

    public Task<LoadResult> LoadAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation) => engine.RunAsync(scenario, plan, cancellation);

    public IContestant Proxy(ClusterStatus cluster, RequestMix mix, string name = "haproxy") => new CpuContestant(
        new EngineContestant(engine, HttpSession.Scenario(name, cluster.Proxy, mix), ManyUsers), [.. cluster.Routers.Select(router => router.ProcessId)], []);

    public IContestant Kestrel(Uri server) => new EngineContestant(engine, HttpSession.Scenario("kestrel", server, RequestMix.Constant), ManyUsers);

    public IContestant Npgsql(ShardServer shard) =>
        new CpuContestant(new EngineContestant(engine, NpgsqlSession.Scenario("npgsql", shard), users: 1), [], [shard.ProcessId]);

    /// <summary>Measures the contestants in turn, as often as the options say.</summary>
    /// <param name="settle">Runs before each measurement and completes work that the last one left behind; null: there is none.</param>
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
