using System.Diagnostics;
using LoadTests.Engine;
using TestCluster;
using Workbench;

namespace LoadTests.Tests.Engine;

public sealed class BackgroundLoadTests
{
    private const double Rate = 200;

    [Fact]
    public async Task What_was_to_begin_before_a_moment_is_waited_for_until_its_answer_also_what_waits_for_a_session()
    {
        var answered = new List<long>();
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var load = await BackgroundLoad.StartAsync(
            new LoadScenario("held", (_, _) => ValueTask.FromResult<ILoadSession>(new HeldSession(held.Task, answered))), users: 1, Rate, TestContext.Current.CancellationToken);
        var at = Stopwatch.GetTimestamp() + Stopwatch.Frequency / 10; // twenty are to begin before it

        var waiting = load.AnsweredBeforeAsync(at, TestContext.Current.CancellationToken);
        await Eventually.ThatAsync(() => waiting.IsCompleted || Stopwatch.GetTimestamp() > at + Stopwatch.Frequency / 5, TimeSpan.FromSeconds(30), "the moment is past, and nothing has been answered");
        var tooEarly = waiting.IsCompleted;
        held.SetResult();
        await waiting;

        Assert.False(tooEarly);
        lock (answered)
        {
            long[] before = [.. answered.Where(planned => planned < at).Order()];
            var step = Stopwatch.Frequency / Rate;
            Assert.InRange(at - before[^1], 0, step + 1); // the timetable has none between
            Assert.All(before.Zip(before.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, step - 1, step + 1));
        }
    }

    [Fact]
    public async Task A_wrong_answer_ends_the_wait()
    {
        await using var load = await BackgroundLoad.StartAsync(
            FakeSession.Scenario(() => throw new WrongAnswerException("503")), users: 1, Rate, TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<WrongAnswerException>(() => load.AnsweredBeforeAsync(Stopwatch.GetTimestamp() + Stopwatch.Frequency, TestContext.Current.CancellationToken));
    }

    /// <summary>Answers nothing until it is let go.</summary>
    private sealed class HeldSession(Task held, List<long> answered) : ILoadSession
    {
        public async ValueTask StepAsync() => await held;

        public void Answered(long plannedAt, long answeredAt)
        {
            lock (answered)
                answered.Add(plannedAt);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
