using Workbench;

namespace LoadTests.Engine;

/// <summary>
/// The engine that needs no package. NBomber needs several times the client CPU for each operation. If client, router and Postgres share a
/// machine, the measured servers lack this CPU time.
/// </summary>
internal sealed class BuiltInEngine : ILoadEngine
{
    /// <summary>An operation without an answer after this time hangs.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(35);

    /// <summary>
    /// How long an interrupted run waits for running operations before it closes their connections. If a connection is closed while a
    /// statement reads from it, the close may wait forever for data that the statement has read.
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
        if (recorder.Failure.IsFaulted) // then the loops end by themselves
            await recorder.Failure;
    }
}
