using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// Measures the gain by more shards, or more routers: the load grows with their number, and the results are compared with those of one.
/// Open loop: latency counts from the planned start.
/// </summary>
/// <remarks>
/// 1. A cluster for each number is started, side by side, and warmed up. 2. The highest throughput of one is measured. 3. All numbers are
/// measured in turn, as often as the options say: if the machine is slow for a minute, it is slow for all of them. A cluster that is not
/// measured costs the machine little: it gets no request, and reads the ring once a second. The quotas of a cluster apply during its turn.
/// </remarks>
internal sealed class ScalingBench(ScaledPart part) : IBench
{
    /// <summary>The largest number of sessions that are busy at the same time in the open loop.</summary>
    private const int Users = 256;

    /// <summary>
    /// The users of the closed loop that finds the highest throughput of one. With more of them a router with so little CPU would not
    /// answer the proxy's checks in time, and the proxy would rightly stop using it.
    /// </summary>
    private const int SaturatingUsers = 64;

    /// <summary>The load as a share of the highest throughput of one. A higher load would cause queues, and the bench would compare
    /// those.</summary>
    private const double LoadShare = 0.5;

    /// <summary>
    /// The time without quotas at the beginning of each turn. Connections were idle since the last turn, and routers open them anew: with a
    /// small share of a core this takes longer than their time limit.
    /// </summary>
    private static readonly TimeSpan Reconnecting = TimeSpan.FromSeconds(2);

    public string Name => part.Name;

    public string Description => part.Description;

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        var why = CpuQuota.WhyUnavailable();
        double? cores = why is null ? run.Options.Cores ?? part.CoresOfOne : null;
        if (why is not null)
            run.Report.Say($"Not held to a quota: this machine gives none ({why}). As root on a Linux with control groups each {part.Part} has a share of a core; without them they share the machine, so this shows whether more of them cost anything, not what they bring.");
        var clusters = new List<ScaledCluster>();
        try
        {
            foreach (var count in part.Counts)
            {
                clusters.Add(await ScaledCluster.StartAsync(part, count, new BenchPlace(clusters.Count), cancellation));
                await run.LoadAsync(clusters[^1].Scenario, LoadPlan.Closed(Users, TimeSpan.Zero, run.Options.FirstWarmUp), cancellation);
            }
            var steps = await MeasureAsync(run, clusters, cores, cancellation);
            if (part.HasQueries)
            {
                var queries = new QueryScaling(
                    run, clusters, (cluster, scenario, plan) => TurnAsync(run, cluster, scenario, cores, plan, cancellation));
                QueryScalingReport.Tell(run.Report, cores, await queries.MeasureAsync(cancellation));
            }
            new ScalingReport(part, cores, steps).Tell(run.Report);
        }
        finally
        {
            foreach (var cluster in clusters)
                await cluster.DisposeAsync();
        }
    }

    private async Task<IReadOnlyList<ScalingStep>> MeasureAsync(BenchRun run, List<ScaledCluster> clusters, double? cores, CancellationToken cancellation)
    {
        var most = await TurnAsync(
            run, clusters[0], clusters[0].Scenario, cores, LoadPlan.Closed(SaturatingUsers, run.Options.WarmUp, run.Options.Duration),
            cancellation);
        // Without quotas one part can use the whole machine: its throughput is that of all of them together.
        var rate = most.PerSecond * LoadShare / (cores is not null ? 1 : part.Counts[^1]);
        run.Report.Say($"For each {part.Part}: {run.DescribeOpenLoop(PlanOf(run, rate))}");
        for (var pair = 1; pair <= run.Options.Pairs; pair++)
        {
            foreach (var cluster in clusters)
            {
                var plan = PlanOf(run, rate * cluster.Count);
                cluster.Results.Add(await TurnAsync(run, cluster, cluster.Scenario, cores, plan, cancellation));
            }
            run.Report.Progress(pair, run.Options.Pairs, clusters.Select(cluster => (FormattableString.Invariant($"{cluster.Count}:"), cluster.Results[^1])));
        }
        return [.. clusters.Select((cluster, i) => new ScalingStep(cluster.Count, rate, new Standing("", cluster.Results), i == 0 ? most : null))];
    }

    private async Task<LoadResult> TurnAsync(
        BenchRun run, ScaledCluster cluster, LoadScenario scenario, double? cores, LoadPlan plan, CancellationToken cancellation)
    {
        await run.LoadAsync(scenario, LoadPlan.Closed(plan.Users, TimeSpan.Zero, Reconnecting), cancellation);
        if (cores is { } share)
            cluster.Hold(part, share);
        try
        {
            return await run.LoadAsync(scenario, plan, cancellation);
        }
        finally
        {
            cluster.LetGo();
        }
    }

    /// <summary>Uses the long warm-up: operations that waited when the quota began must be completed first.</summary>
    private static LoadPlan PlanOf(BenchRun run, double rate) => LoadPlan.Open(rate, Users, run.Options.FirstWarmUp, run.Options.Duration);
}
