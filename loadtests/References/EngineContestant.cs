using LoadTests.Cluster;
using LoadTests.Engine;

namespace LoadTests.References;

/// <summary>A scenario at a concurrency, on the engine in use.</summary>
/// <param name="routers">Processes whose CPU time is put down to it.</param>
internal sealed class EngineContestant(ILoadEngine engine, LoadScenario scenario, int users, params IReadOnlyList<int> routers) : IContestant
{
    public string Name => scenario.Name;

    public async Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var cpu = new ServerCpu(routers).MeasureAsync(warmUp, duration, end.Token);
        try
        {
            var result = await engine.RunAsync(scenario, LoadPlan.Closed(users, warmUp, duration), cancellation);
            return routers.Count == 0 ? result : result with { RouterCpu = await cpu / (result.PerSecond * duration.TotalSeconds) };
        }
        finally
        {
            await end.CancelAsync();
            await ((Task)cpu).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // a router that is gone has no CPU time
        }
    }
}
