using LoadTests.Cluster;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Benches.Scaling;

/// <summary>
/// What more shards, or more routers, bring: the same load for each of them, beside one. Open loop: latency counts from
/// the planned start.
/// </summary>
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
        var cores = run.Options.Cores ?? part.CoresOfOne;
        if (CpuQuota.WhyUnavailable() is { } why)
            throw new WrongAnswerException($"this machine gives no CPU quotas (control groups): {why} Run it as root on a Linux with cgroups; without them one {part.Part} has the whole machine and nothing is shown.");
        var steps = new List<ScalingStep>();
        double rate = 0;
        foreach (var count in part.Counts)
        {
            var step = await MeasureAsync(run, count, cores, rate, cancellation);
            rate = step.RateOfOne;
            steps.Add(step);
            run.Report.Progress(step.Describe(part.Part));
        }
        new ScalingReport(part with { CoresOfOne = cores }, steps).Tell(run.Report);
    }

    /// <param name="rate">Operations a second for each; 0: find out what one can do.</param>
    private async Task<ScalingStep> MeasureAsync(BenchRun run, int count, double cores, double rate, CancellationToken cancellation)
    {
        await using var cluster = await part.StartAsync(count, cancellation);
        var scenario = HttpSession.Scenario(part.Part, part.Target(cluster.Status), RequestMix.Mixed);
        // Compiled and connected without the limit: with a small share of a core that alone would take a minute.
        await run.LoadAsync(scenario, LoadPlan.Closed(Users, TimeSpan.Zero, run.Options.FirstWarmUp), cancellation);
        var quotas = new List<CpuQuota>();
        try
        {
            foreach (var process in part.Processes(cluster.Status))
            {
                quotas.Add(CpuQuota.Create(FormattableString.Invariant($"{part.Part}{quotas.Count + 1}"), cores));
                quotas[^1].Hold(process);
            }
            return await MeasureHeldAsync(run, scenario, count, rate, cancellation);
        }
        finally
        {
            foreach (var quota in quotas)
                quota.Dispose();
        }
    }

    private static async Task<ScalingStep> MeasureHeldAsync(BenchRun run, LoadScenario scenario, int count, double rate, CancellationToken cancellation)
    {
        LoadResult? most = null;
        if (rate == 0)
        {
            most = await run.LoadAsync(scenario, LoadPlan.Closed(SaturatingUsers, run.Options.WarmUp, run.Options.Duration), cancellation);
            rate = most.PerSecond * LoadShare;
        }
        var results = new List<LoadResult>();
        for (var i = 0; i < run.Options.Pairs; i++)
        {
            // The first time longer: what the limit held up when it came has to be worked off.
            var warmUp = i == 0 ? run.Options.FirstWarmUp : run.Options.WarmUp;
            results.Add(await run.LoadAsync(scenario, LoadPlan.Open(rate * count, Users, warmUp, run.Options.Duration), cancellation));
        }
        return new ScalingStep(count, rate, new Standing("", results), most);
    }
}
