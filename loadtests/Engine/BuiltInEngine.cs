namespace LoadTests.Engine;

/// <summary>
/// The engine that every feed has. NBomber costs several times the client CPU for each operation, which on a machine
/// that client, router and Postgres share is taken from what is measured.
/// </summary>
internal sealed class BuiltInEngine : ILoadEngine
{
    /// <summary>An operation that was begun and has no answer after this has hung.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(35);

    /// <summary>
    /// So long an interrupted run waits for the operations under way before it takes their connections from them: one that is closed while a statement reads from it may wait for
    /// ever for what the statement has read.
    /// </summary>
    private static readonly TimeSpan LastStep = TimeSpan.FromSeconds(5);

    public string DescribeOpenLoop(LoadPlan plan) => FormattableString.Invariant(
        $"{plan.RatePerSecond:#,0.#} operations/s begin, whatever becomes of the earlier ones, on at most {plan.Users} connections. Latency counts from the planned start.");

    public async Task<LoadResult> RunAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation)
    {
        var sessions = new List<ILoadSession>(plan.Users);
        try
        {
            for (var user = 0; user < plan.Users; user++)
                sessions.Add(await scenario.Open(user, cancellation));
            return await MeasureAsync(scenario, plan, sessions, cancellation);
        }
        finally
        {
            foreach (var session in sessions)
                await session.DisposeAsync();
        }
    }

    private static async Task<LoadResult> MeasureAsync(LoadScenario scenario, LoadPlan plan, List<ILoadSession> sessions, CancellationToken cancellation)
    {
        var recorder = new LoadRecorder(plan.KeepsSeconds ? new LoadSeries(plan.Duration) : null, plan.CountsFailures ? new FailureCounts() : null);
        var load = plan.RatePerSecond is { } rate
            ? new OpenLoop(sessions, rate, recorder).RunAsync()
            : ClosedLoop.RunAsync(sessions, recorder);
        try
        {
            await WaitAsync(plan.WarmUp, recorder, cancellation);
            recorder.BeginMeasuring();
            await WaitAsync(plan.Duration, recorder, cancellation);
            recorder.EndMeasuring();
            await WaitForLastAnswersAsync(scenario, load, recorder);
            return recorder.Summarize();
        }
        finally
        {
            recorder.Stop();
            await Task.WhenAny(load, Task.Delay(LastStep, CancellationToken.None));
        }
    }

    private static async Task WaitAsync(TimeSpan time, LoadRecorder recorder, CancellationToken cancellation) =>
        await await Task.WhenAny(Task.Delay(time, cancellation), recorder.Failure);

    private static async Task WaitForLastAnswersAsync(LoadScenario scenario, Task load, LoadRecorder recorder)
    {
        var patience = Task.Delay(Patience, CancellationToken.None);
        var first = await Task.WhenAny(load, recorder.Failure, patience);
        if (first == patience)
            throw new WrongAnswerException($"{scenario.Name}: some operations have no answer after {Patience.TotalSeconds} s.");
        await first;
        if (recorder.Failure.IsFaulted) // the loops end by themselves then
            await recorder.Failure;
    }
}
