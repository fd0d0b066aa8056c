using LoadTests.Engine;

namespace LoadTests.References;

/// <summary>A scenario with a number of users, on the chosen engine.</summary>
internal sealed class EngineContestant(ILoadEngine engine, LoadScenario scenario, int users) : IContestant
{
    public string Name => scenario.Name;

    public Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation) =>
        engine.RunAsync(scenario, LoadPlan.Closed(users, warmUp, duration), cancellation);
}
