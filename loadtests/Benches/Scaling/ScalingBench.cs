using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// What more shards, or more routers, bring: the same load for each of them, beside one. Open loop: latency counts from
/// the planned start.
/// </summary>
/// <remarks>
/// 1. A cluster for each number, side by side, each warmed up. 2. What one can do at most.
/// 3. All numbers in turn, as often as the options say: a machine that is slow for a minute is so for all of them.
/// A cluster that is not asked costs the machine little: no request, and a look at the ring each second. It is held to its quotas while it has its turn.
/// </remarks>
internal sealed class ScalingBench(ScaledPart part) : IBench
{
    /// <summary>The most that are busy at once in the open loop.</summary>
    private const int Users = 256;

    /// <summary>
    /// Of the closed loop that finds out what one can do. More would keep a router with so little CPU from answering the
    /// proxy's checks in time, and the proxy would rightly take it out.
    /// </summary>
    private const int SaturatingUsers = 64;

    /// <summary>Of what one gives at most. More would make queues, and a comparison of queues.</summary>
    private const double LoadShare = 0.5;

    /// <summary>
    /// A turn begins with so much without quotas. Connections have rested since the last one, and routers make those anew: with a small share
    /// of a core that takes longer than they wait for it.
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
        var most = await TurnAsync(run, clusters[0], cores, LoadPlan.Closed(SaturatingUsers, run.Options.WarmUp, run.Options.Duration), cancellation);
        // One that has the whole machine gives what all of them together can give.
        var rate = most.PerSecond * LoadShare / (cores is not null ? 1 : part.Counts[^1]);
        run.Report.Say($"For each {part.Part}: {run.DescribeOpenLoop(PlanOf(run, rate))}");
        for (var pair = 1; pair <= run.Options.Pairs; pair++)
        {
            foreach (var cluster in clusters)
                cluster.Results.Add(await TurnAsync(run, cluster, cores, PlanOf(run, rate * cluster.Count), cancellation));
            run.Report.Progress(pair, run.Options.Pairs, clusters.Select(cluster => (FormattableString.Invariant($"{cluster.Count}:"), cluster.Results[^1])));
        }
        return [.. clusters.Select((cluster, i) => new ScalingStep(cluster.Count, rate, new Standing("", cluster.Results), i == 0 ? most : null))];
    }

    private async Task<LoadResult> TurnAsync(BenchRun run, ScaledCluster cluster, double? cores, LoadPlan plan, CancellationToken cancellation)
    {
        await run.LoadAsync(cluster.Scenario, LoadPlan.Closed(Users, TimeSpan.Zero, Reconnecting), cancellation);
        if (cores is { } share)
            cluster.Hold(part, share);
        try
        {
            return await run.LoadAsync(cluster.Scenario, plan, cancellation);
        }
        finally
        {
            cluster.LetGo();
        }
    }

    /// <summary>Its warm-up is the long one: what the limit held up when it came has to be worked off.</summary>
    private static LoadPlan PlanOf(BenchRun run, double rate) => LoadPlan.Open(rate, Users, run.Options.FirstWarmUp, run.Options.Duration);
}
