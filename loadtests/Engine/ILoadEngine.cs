using Workbench;

namespace LoadTests.Engine;

/// <summary>Runs a scenario. There are two engines: the built-in one, and NBomber if its packages are available.</summary>
internal interface ILoadEngine
{
    /// <summary>Describes for a report how this engine runs an open loop.</summary>
    string DescribeOpenLoop(LoadPlan plan);

    /// <exception cref="WrongAnswerException">A session got a wrong answer; the run is over and has no result.</exception>
    Task<LoadResult> RunAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation);
}
