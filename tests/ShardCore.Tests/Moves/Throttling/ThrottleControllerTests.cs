using ShardCore.Moves.Throttling;

namespace ShardCore.Tests.Moves.Throttling;

/// <summary>The controller against a simulated machine, whose commits take the longer the less of it is left.</summary>
public sealed class ThrottleControllerTests
{
    private const double MiB = 1 << 20;

    private const double Many = 6000; // so many a second that hardly any delay is borne

    private static readonly ThrottleLimits Limits = new();
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(2);

    [Fact]
    public void It_settles_where_others_bear_it_and_uses_most_of_what_they_leave()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        machine.Run(controller, readings: 60);
        var rates = machine.Run(controller, readings: 100);
        // Borne is 1.2 × 2 ms + 0.5 ms: 31 % of the machine, 24.8 MiB/s.
        Assert.InRange(rates.Average(), 15 * MiB, 25 * MiB);
        Assert.All(rates, rate => Assert.True(machine.LatencyAt(rate) < controller.Baseline * 2, $"{rate / MiB} MiB/s"));
    }

    [Theory]
    [InlineData(60_000, 0.31)] // 0.5 ms more are borne at least
    [InlineData(3000, 0.41)] // 1 ms
    [InlineData(300, 0.84)] // 10 ms
    [InlineData(0, 0.91)] // 20 ms at most
    public void The_fewer_there_are_to_be_disturbed_the_more_of_the_machine_it_takes(double transactions, double most)
    {
        var machine = new Machine { Capacity = 80 * MiB, Transactions = transactions };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        machine.Run(controller, readings: 60);
        var share = machine.Run(controller, readings: 100).Average() / machine.Capacity;
        Assert.InRange(share, most * 0.65, most * 1.1);
    }

    [Fact]
    public void It_makes_way_for_others_at_once_and_comes_back_when_they_are_gone()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        var before = machine.Run(controller, readings: 100)[^20..].Average();
        machine.Foreground = 0.5;
        var during = machine.Run(controller, readings: 8)[^1];
        machine.Foreground = 0;
        var after = machine.Run(controller, readings: 100)[^20..].Average();
        Assert.True(during < before / 4, $"{before / MiB} → {during / MiB} MiB/s");
        Assert.InRange(after, before * 0.8, before * 1.3);
    }

    [Fact]
    public void A_hiccup_that_is_not_its_own_costs_it_little()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        var before = machine.Run(controller, readings: 100)[^20..].Average();
        machine.Foreground = 0.9;
        var during = machine.Run(controller, readings: 3)[^1];
        machine.Foreground = 0;
        var after = machine.Run(controller, readings: 3)[^1];
        Assert.True(during < before / 2, $"{before / MiB} → {during / MiB} MiB/s");
        Assert.InRange(after, before * 0.8, before * 1.2);
    }

    [Fact]
    public void It_does_not_creep_where_a_quarter_of_the_readings_are_slow_whatever_it_does()
    {
        var machine = new Machine { Capacity = 80 * MiB, Hiccups = 0.25 };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        machine.Run(controller, readings: 60);
        Assert.InRange(machine.Run(controller, readings: 2000).Average(), 12 * MiB, 25 * MiB);
    }

    [Fact]
    public void After_a_shard_that_did_not_answer_its_steps_are_small_again()
    {
        var controller = new ThrottleController(Limits, Idle);
        Observe(Idle * 10); // its doubling is over
        for (var reading = 0; reading < 10; reading++)
            Observe(Idle);
        Observe(null);
        while (controller.BytesPerSecond < Limits.Start)
            Observe(Idle);
        var before = controller.BytesPerSecond;
        Observe(Idle);
        Assert.InRange(controller.BytesPerSecond, before, before * 1.3);

        void Observe(TimeSpan? latency) => controller.Observe(new ThrottleReading(latency, 0, controller.BytesPerSecond, Many));
    }

    [Fact]
    public void It_disturbs_others_in_few_readings_only()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        machine.Run(controller, readings: 60);
        var slow = machine.Run(controller, readings: 100).Count(rate => machine.LatencyAt(rate) > controller.BearableAt(Many));
        Assert.InRange(slow, 1, 25);
    }

    [Fact]
    public void It_never_stands_still_however_slow_everything_is()
    {
        var controller = new ThrottleController(Limits, Idle);
        for (var reading = 0; reading < 1000; reading++)
        {
            controller.Observe(new ThrottleReading(reading % 3 == 0 ? null : TimeSpan.FromSeconds(1), 0, controller.BytesPerSecond, Many));
            Assert.True(controller.BytesPerSecond >= Limits.Floor);
        }
    }

    [Fact]
    public void Latency_that_stays_though_the_move_hardly_goes_on_is_taken_for_normal()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, machine.LatencyAt(0));
        machine.Foreground = 0.6; // from now on, for good
        machine.Run(controller, readings: 12);
        Assert.Equal(Limits.Floor, controller.BytesPerSecond);
        Assert.True(machine.Run(controller, readings: 150)[^20..].Average() > 3 * Limits.Floor);
    }

    [Fact]
    public void A_disk_that_was_slow_at_the_beginning_does_not_excuse_the_move_later()
    {
        var machine = new Machine { Capacity = 80 * MiB };
        var controller = new ThrottleController(Limits, TimeSpan.FromMilliseconds(40));
        machine.Run(controller, readings: 200);
        Assert.InRange(controller.Baseline, Idle, Idle * 2);
    }

    [Fact]
    public void Wal_that_piles_up_makes_it_hurry_whatever_the_latency_and_then_it_is_considerate_again()
    {
        var controller = new ThrottleController(Limits, Idle);
        controller.Observe(new ThrottleReading(Idle * 10, Limits.HurryAtBacklog, 0, Many));
        Assert.True(controller.MustHurry);
        Assert.Equal(Limits.Most, controller.BytesPerSecond);
        controller.Observe(new ThrottleReading(Idle * 10, Limits.HurryAtBacklog / 2, controller.BytesPerSecond, Many));
        Assert.False(controller.MustHurry);
        Assert.InRange(controller.BytesPerSecond, Limits.Floor, Limits.Start);
    }

    [Fact]
    public void A_rate_that_is_not_used_does_not_grow()
    {
        var controller = new ThrottleController(Limits, Idle);
        for (var reading = 0; reading < 100; reading++)
            controller.Observe(new ThrottleReading(Idle, 0, 1 * MiB, Many)); // the cap, or the shards, hold it back
        Assert.Equal(Limits.Start, controller.BytesPerSecond);
    }

    private sealed class Machine
    {
        /// <summary>Bytes a second that would take all of it.</summary>
        public required double Capacity { get; init; }

        public double Transactions { get; init; } = Many;

        /// <summary>The part that others take.</summary>
        public double Foreground { get; set; }

        /// <summary>The part of the readings in which the disk is slow for reasons of its own.</summary>
        public double Hiccups { get; init; }

        private readonly Random _random = new(1);

        public TimeSpan LatencyAt(double rate) => Idle / (1 - Math.Min(0.98, Foreground + rate / Capacity));

        /// <returns>The rate after each reading.</returns>
        public double[] Run(ThrottleController controller, int readings) => [.. Enumerable.Range(0, readings).Select(_ =>
        {
            var used = Math.Min(controller.BytesPerSecond, Capacity);
            var latency = _random.NextDouble() < Hiccups ? Idle * 20 : LatencyAt(used);
            controller.Observe(new ThrottleReading(latency, 0, used, Transactions));
            return controller.BytesPerSecond;
        })];
    }
}
