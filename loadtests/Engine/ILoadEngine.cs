namespace LoadTests.Engine;

/// <summary>Runs a scenario. Two stand behind it: the built-in engine, and NBomber where its packages can be had.</summary>
internal interface ILoadEngine
{
    /// <summary>How this engine carries an open loop out, in words for a report.</summary>
    string DescribeOpenLoop(LoadPlan plan);

    /// <exception cref="WrongAnswerException">A session met one; the run is over and has no result.</exception>
    Task<LoadResult> RunAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation);
}
