#if NBOMBER
using System.Collections.Concurrent;
using NBomber.Contracts;
using NBomber.Contracts.Stats;
using NBomber.CSharp;
using Workbench;

namespace LoadTests.Engine;

/// <summary>
/// Runs the same scenarios on NBomber, if its packages are available: <c>--engine nbomber</c>. It is free for personal use only.
/// </summary>
/// <remarks>
/// In an open loop it does less than the built-in engine, and the report says so: operations that were planned during a stall do not show
/// the stall in their latency, and the plan's number of users and the fraction of its rate are ignored.
/// </remarks>
internal sealed class NBomberEngine : ILoadEngine
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public string DescribeOpenLoop(LoadPlan plan) => FormattableString.Invariant(
        $"NBomber begins {(int)plan.RatePerSecond!.Value:#,0} operations/s, whatever becomes of the earlier ones, on as many connections as that takes. Latency counts from when an operation really began, not from when it was to; of single seconds nothing is told.");

    public async Task<LoadResult> RunAsync(LoadScenario scenario, LoadPlan plan, CancellationToken cancellation)
    {
        // NBomber numbers its users anew in each load simulation. Therefore users borrow sessions instead of owning them.
        var idle = new ConcurrentBag<ILoadSession>();
        var opened = new ConcurrentBag<ILoadSession>();
        var firstFailure = new ConcurrentQueue<Exception>();
        var props = Scenario.Create(scenario.Name, async context =>
        {
            ILoadSession? session = null;
            try
            {
                if (!idle.TryTake(out session))
                {
                    session = await scenario.Open(opened.Count, cancellation);
                    opened.Add(session);
                }
                await session.StepAsync();
                idle.Add(session);
                return Response.Ok();
            }
            catch (WrongAnswerException e) when (plan.CountsFailures && session is not null)
            {
                idle.Add(session);
                return Response.Fail(statusCode: e.Kind);
            }
            catch (Exception e)
            {
                firstFailure.Enqueue(e);
                context.StopCurrentTest(e.Message);
                return Response.Fail();
            }
        })
        .WithWarmUpDuration(plan.WarmUp)
        .WithLoadSimulations(plan.RatePerSecond is { } rate
            ? Simulation.Inject(rate: (int)rate, interval: Interval, during: plan.Duration)
            : Simulation.KeepConstant(copies: plan.Users, during: plan.Duration));
        try
        {
            var stats = await Task.Run(() => NBomberRunner.RegisterScenarios(props).WithoutReports().Run(), cancellation);
            if (firstFailure.TryDequeue(out var failure))
                throw new WrongAnswerException($"{scenario.Name}: {failure.Message}", failure);
            return Summarize(stats.ScenarioStats[0].Ok, stats.ScenarioStats[0].Fail);
        }
        finally
        {
            foreach (var session in opened)
                await session.DisposeAsync();
        }
    }

    /// <summary>The result has no figures of single seconds, because the final statistics have none.</summary>
    private static LoadResult Summarize(MeasurementStats ok, MeasurementStats fail) => new(
        ok.Request.RPS,
        new Latency(
            TimeSpan.FromMilliseconds(ok.Latency.MeanMs), TimeSpan.FromMilliseconds(ok.Latency.Percent50),
            TimeSpan.FromMilliseconds(ok.Latency.Percent99), TimeSpan.FromMilliseconds(ok.Latency.MaxMs)))
    {
        Percentiles =
        [
            (0.5, TimeSpan.FromMilliseconds(ok.Latency.Percent50)), (0.75, TimeSpan.FromMilliseconds(ok.Latency.Percent75)),
            (0.95, TimeSpan.FromMilliseconds(ok.Latency.Percent95)), (0.99, TimeSpan.FromMilliseconds(ok.Latency.Percent99)),
        ],
        Failures = [.. fail.StatusCodes.Select(code => new FailureCount(code.StatusCode, code.Count, code.Message))],
    };
}
#endif
