using LoadTests.Engine;
using Workbench;

namespace LoadTests.Tests.Engine;

/// <summary>Times here are bounded from below only, or very generously: the machine that runs this may be busy.</summary>
public sealed class BuiltInEngineTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task A_closed_loop_keeps_every_user_busy_and_never_with_two_steps()
    {
        var busy = 0;
        var most = 0;
        var scenario = FakeSession.Scenario(async () =>
        {
            var now = Interlocked.Increment(ref busy);
            InterlockedMax(ref most, now);
            await Task.Delay(5);
            Interlocked.Decrement(ref busy);
        });

        var result = await new BuiltInEngine().RunAsync(scenario, LoadPlan.Closed(users: 7, Short, Short), TestContext.Current.CancellationToken);

        Assert.Equal(7, most);
        Assert.Equal(0, busy);
        Assert.InRange(result.PerSecond, 1, 7 / 0.005);
        Assert.True(result.Latency.P50 >= TimeSpan.FromMilliseconds(4.5));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(500.0)]
    public async Task A_session_is_told_of_each_answer_that_was_right(double? rate)
    {
        var (steps, told) = (0, 0);
        var scenario = FakeSession.Scenario(
            async () =>
            {
                await Task.Delay(1);
                if (Interlocked.Increment(ref steps) % 2 == 0)
                    throw new WrongAnswerException("GET was answered with 503");
            },
            answered: () => Interlocked.Increment(ref told));

        await new BuiltInEngine().RunAsync(
            scenario, new LoadPlan(2, rate, TimeSpan.Zero, Short) { CountsFailures = true }, TestContext.Current.CancellationToken);

        Assert.True(told > 1);
        Assert.Equal((steps + 1) / 2, told);
    }

    [Fact]
    public async Task Warm_up_is_not_measured()
    {
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var scenario = FakeSession.Scenario(async () =>
            await Task.Delay(System.Diagnostics.Stopwatch.GetElapsedTime(began) < TimeSpan.FromMilliseconds(300) ? 250 : 1));

        var result = await new BuiltInEngine().RunAsync(
            scenario, LoadPlan.Closed(users: 1, TimeSpan.FromMilliseconds(800), Short), TestContext.Current.CancellationToken);

        Assert.True(result.Latency.P50 < TimeSpan.FromMilliseconds(200), $"{result.Latency.P50}");
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1000.0)]
    public async Task The_first_wrong_answer_ends_the_run_at_once(double? rate)
    {
        var steps = 0;
        var scenario = FakeSession.Scenario(async () =>
        {
            await Task.Yield();
            if (Interlocked.Increment(ref steps) == 20)
                throw new WrongAnswerException("GET was answered with 503");
        });
        var plan = new LoadPlan(4, rate, TimeSpan.Zero, TimeSpan.FromMinutes(10));

        var failure = await Assert.ThrowsAsync<WrongAnswerException>(
            () => new BuiltInEngine().RunAsync(scenario, plan, TestContext.Current.CancellationToken));

        Assert.Equal("GET was answered with 503", failure.Message);
    }

    [Fact]
    public async Task It_can_be_interrupted()
    {
        using var interrupt = new CancellationTokenSource(Short);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new BuiltInEngine().RunAsync(
            FakeSession.Scenario(async () => await Task.Delay(1)), LoadPlan.Closed(2, TimeSpan.Zero, TimeSpan.FromMinutes(10)), interrupt.Token));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1000.0)]
    public async Task Interrupted_it_closes_a_session_only_when_its_last_step_is_done(double? rate)
    {
        using var interrupt = new CancellationTokenSource();
        var underWay = 0;
        var cutOff = 0;
        var scenario = FakeSession.Scenario(
            async () =>
            {
                Interlocked.Increment(ref underWay);
                await interrupt.CancelAsync();
                await Task.Delay(Short);
                Interlocked.Decrement(ref underWay);
            },
            end: () => cutOff += Volatile.Read(ref underWay));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new BuiltInEngine().RunAsync(scenario, new LoadPlan(2, rate, TimeSpan.Zero, TimeSpan.FromMinutes(10)), interrupt.Token));

        Assert.Equal(0, cutOff);
    }

    [Fact]
    public async Task An_open_loop_begins_at_its_rate()
    {
        var steps = 0;
        var scenario = FakeSession.Scenario(() =>
        {
            Interlocked.Increment(ref steps);
            return ValueTask.CompletedTask;
        });

        var result = await new BuiltInEngine().RunAsync(
            scenario, LoadPlan.Open(500, users: 4, TimeSpan.Zero, TimeSpan.FromSeconds(1)), TestContext.Current.CancellationToken);

        Assert.InRange(steps, 400, 700); // the clock is stopped some time after the second is over
        Assert.InRange(result.PerSecond, 400, 600);
    }

    [Fact]
    public async Task An_open_loop_charges_a_stall_to_everybody_who_came_meanwhile()
    {
        var stalled = 0;
        var scenario = FakeSession.Scenario(async () =>
        {
            if (Interlocked.Increment(ref stalled) == 1)
                await Task.Delay(500);
        });

        // One user, and one operation of half a second: those that were planned meanwhile waited 1…499 ms.
        var result = await new BuiltInEngine().RunAsync(
            scenario, LoadPlan.Open(200, users: 1, TimeSpan.Zero, TimeSpan.FromSeconds(1)), TestContext.Current.CancellationToken);

        Assert.True(result.Latency.Mean > TimeSpan.FromMilliseconds(80), $"{result.Latency}");
        Assert.True(result.Latency.P99 > TimeSpan.FromMilliseconds(400), $"{result.Latency}");
    }

    [Fact]
    public async Task Open_and_closed_loop_wait_for_the_answers_of_what_was_begun()
    {
        foreach (var rate in (double?[])[null, 100])
        {
            var busy = 0;
            var scenario = FakeSession.Scenario(async () =>
            {
                Interlocked.Increment(ref busy);
                await Task.Delay(300);
                Interlocked.Decrement(ref busy);
            });

            var result = await new BuiltInEngine().RunAsync(scenario, new LoadPlan(3, rate, TimeSpan.Zero, Short), TestContext.Current.CancellationToken);

            Assert.Equal(0, busy);
            Assert.True(result.Latency.Max >= TimeSpan.FromMilliseconds(290)); // begun in the measured time, answered after it
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(500.0)]
    public async Task A_plan_that_counts_failures_goes_on_after_them(double? rate)
    {
        var steps = 0;
        var scenario = FakeSession.Scenario(async () =>
        {
            await Task.Delay(1);
            if (Interlocked.Increment(ref steps) % 4 == 0)
                throw new WrongAnswerException("GET was answered with 503", kind: "503 overloaded");
        });
        var plan = new LoadPlan(4, rate, TimeSpan.Zero, TimeSpan.FromSeconds(1.1)) { CountsFailures = true, KeepsSeconds = true };

        var result = await new BuiltInEngine().RunAsync(scenario, plan, TestContext.Current.CancellationToken);

        var failure = Assert.Single(result.Failures);
        Assert.Equal(("503 overloaded", "GET was answered with 503"), (failure.Kind, failure.First));
        Assert.InRange(failure.Count, steps / 8, steps / 4);
        var second = Assert.Single(result.Seconds);
        Assert.True(second is { Answered: > 0, Failed: > 0, P99: not null });
    }

    [Fact]
    public async Task A_failure_that_is_no_answer_ends_the_run_even_so()
    {
        var plan = LoadPlan.Open(100, 1, TimeSpan.Zero, TimeSpan.FromMinutes(10)) with { CountsFailures = true };

        await Assert.ThrowsAsync<InvalidOperationException>(() => new BuiltInEngine().RunAsync(
            FakeSession.Scenario(() => throw new InvalidOperationException("a bug of ours")), plan, TestContext.Current.CancellationToken));
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }
}
