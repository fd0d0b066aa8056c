using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// What more shards, or more routers, bring: the same load for each of them, beside one. Open loop: latency counts from
/// the planned start.
/// </summary>
/// <remarks>
/// 1. A cluster for each number, side by side; each is warmed up, then held to its quotas. 2. What one can do at most.
/// 3. All numbers in turn, as often as the options say: a machine that is slow for a minute is so for all of them.
/// A cluster that is not asked costs the machine little: no request, and a look at the ring each second.
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
                if (cores is { } share)
                    clusters[^1].Hold(part, share);
            }
            var steps = await MeasureAsync(run, clusters, isHeld: cores is not null, cancellation);
            new ScalingReport(part, cores, steps).Tell(run.Report);
        }
        finally
        {
            foreach (var cluster in clusters)
                await cluster.DisposeAsync();
        }
    }

    private async Task<IReadOnlyList<ScalingStep>> MeasureAsync(BenchRun run, List<ScaledCluster> clusters, bool isHeld, CancellationToken cancellation)
    {
        var most = await run.LoadAsync(clusters[0].Scenario, LoadPlan.Closed(SaturatingUsers, run.Options.WarmUp, run.Options.Duration), cancellation);
        // One that has the whole machine gives what all of them together can give.
        var rate = most.PerSecond * LoadShare / (isHeld ? 1 : part.Counts[^1]);
        run.Report.Say($"For each {part.Part}: {run.DescribeOpenLoop(PlanOf(run, rate, isFirst: false))}");
        for (var pair = 1; pair <= run.Options.Pairs; pair++)
        {
            foreach (var cluster in clusters)
                cluster.Results.Add(await run.LoadAsync(cluster.Scenario, PlanOf(run, rate * cluster.Count, isFirst: pair == 1), cancellation));
            run.Report.Progress(pair, run.Options.Pairs, clusters.Select(cluster => (FormattableString.Invariant($"{cluster.Count}:"), cluster.Results[^1])));
        }
        return [.. clusters.Select((cluster, i) => new ScalingStep(cluster.Count, rate, new Standing("", cluster.Results), i == 0 ? most : null))];
    }

    /// <param name="isFirst">Longer: what the limit held up when it came has to be worked off.</param>
    private static LoadPlan PlanOf(BenchRun run, double rate, bool isFirst) =>
        LoadPlan.Open(rate, Users, isFirst ? run.Options.FirstWarmUp : run.Options.WarmUp, run.Options.Duration);
}
