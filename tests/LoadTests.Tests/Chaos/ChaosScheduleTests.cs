using Chaos.Faults;

namespace LoadTests.Tests.Chaos;

public sealed class ChaosScheduleTests
{
    [Fact]
    public void A_seed_gives_the_same_steps_again_and_another_seed_other_ones()
    {
        Assert.Equal(Steps(7), Steps(7));
        Assert.NotEqual(Steps(7), Steps(8));
        Assert.NotEqual(Lane(7, "moves-1"), Lane(7, "moves-2"));
    }

    [Theory]
    [InlineData("kill -9 s1")]
    [InlineData("SIGSTOP s2")]
    [InlineData("kill -9 r")]
    [InlineData("SIGSTOP r")]
    [InlineData("kill -9 redis for")]
    [InlineData("kill -9 redis, empty")]
    [InlineData("SIGSTOP redis")]
    [InlineData("FLUSHALL")]
    [InlineData("kill -9 proxy")]
    [InlineData("SIGSTOP proxy")]
    [InlineData("taken over")]
    [InlineData("move-release:kill")]
    [InlineData("s1 → s2 → s3 → s1")]
    [InlineData("add-shard s4")]
    [InlineData("remove-shard s4")]
    [InlineData("rebalance")]
    [InlineData("ops cancel")]
    [InlineData("ops resume --take-over")]
    [InlineData("takeover of s1 by its synchronous standby")]
    [InlineData("by its asynchronous standby, which lags")]
    public void Every_fault_and_every_kind_of_move_comes_within_an_hours_steps(string what) =>
        Assert.Contains(Steps(1, 400), step => step.Contains(what, StringComparison.Ordinal));

    [Fact]
    public void Without_standbys_nothing_takes_over() =>
        Assert.DoesNotContain(Lane(1, "servers", 400, StandbyPlan.None), step => step.Contains("takeover", StringComparison.Ordinal));

    private static IEnumerable<string> Steps(int seed, int each = 50) => ChaosSchedule.Lanes.SelectMany(lane => Lane(seed, lane, each));

    private static IEnumerable<string> Lane(int seed, string lane, int steps = 50, string standbys = StandbyPlan.Both) =>
        ChaosSchedule.Of(seed, lane, StandbyPlan.Of(seed, standbys)).Take(steps).Select(step => step.Step.Description);
}
