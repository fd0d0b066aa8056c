using System.Globalization;
using LoadTests.Benches;
using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.Scenarios;

/// <summary>Runs one load scenario in a separate cluster and reports percentiles, the figures of each second, and failures.</summary>
/// <param name="perSecond">The rate; null: the scenario's rate.</param>
internal sealed class LoadBench(LoadCase scenario, double? perSecond) : IBench
{
    public string Name => "load-" + scenario.Name;

    public string Description => scenario.Description;

    public async Task RunAsync(BenchRun run, CancellationToken cancellation)
    {
        await using var cluster = await BenchCluster.StartAsync(
            routers: 2, shards: 2, FormattableString.Invariant($"{BenchItems.Count:#,0} items"), FillAsync, cancellation);
        if (scenario.Event is { } preparing)
            await preparing.PrepareAsync(cluster, cancellation);
        var rate = perSecond ?? scenario.PerSecond;
        var plan = LoadPlan.Open(rate, scenario.Users, run.Options.FirstWarmUp, run.Options.Duration) with { CountsFailures = true, KeepsSeconds = true };
        run.Report.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{scenario.Description}, for {plan.Duration.TotalSeconds:0} s through HAProxy and 2 routers to 2 shards. {run.DescribeOpenLoop(plan)}"));

        var marks = new LoadMarks();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var meanwhile = HappenAsync(cluster, marks, plan, end.Token);
        var result = await run.LoadAsync(scenario.Open(scenario.Name, cluster.Status.Proxy), plan, cancellation);
        var isOver = meanwhile.IsCompleted;
        if (!isOver)
            await end.CancelAsync();
        await ((Task)meanwhile).ConfigureAwait(isOver ? ConfigureAwaitOptions.None : ConfigureAwaitOptions.SuppressThrowing);
        new LoadReport(scenario, rate, result, marks).Tell(run.Report);
        if (!isOver)
            run.Report.Fail("what was to happen meanwhile was not over when the load was; give it more --seconds");
    }

    private async Task FillAsync(ClusterStatus cluster, CancellationToken cancellation)
    {
        await ItemFilling.FillAllAsync(cluster, cancellation);
        if (scenario.Items is { } items)
            await ItemFilling.PutAsync(cluster.Routers[0].Url, items, cancellation);
        if (scenario.Ranked is { } ranked)
            await RankedFilling.FillAsync(cluster, ranked, cancellation, scenario.Indexes);
    }

    private async Task HappenAsync(BenchCluster cluster, LoadMarks marks, LoadPlan plan, CancellationToken cancellation)
    {
        if (scenario.Event is null)
            return;
        await Task.Delay(plan.WarmUp, cancellation);
        await scenario.Event.RunAsync(cluster, marks, plan.Duration, cancellation);
    }
}
