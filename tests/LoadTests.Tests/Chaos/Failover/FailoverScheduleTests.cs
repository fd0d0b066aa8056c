using Chaos.Failover;

namespace LoadTests.Tests.Chaos.Failover;

public sealed class FailoverScheduleTests
{
    [Fact]
    public void A_seed_gives_the_same_steps_again_and_another_seed_other_ones()
    {
        Assert.Equal(Steps(7, "hosts"), Steps(7, "hosts"));
        Assert.Equal(Steps(7, "moves"), Steps(7, "moves"));
        Assert.NotEqual(Steps(7, "hosts"), Steps(8, "hosts"));
        Assert.NotEqual(Steps(7, "moves"), Steps(8, "moves"));
    }

    [Fact]
    public void The_first_faults_are_one_of_each_kind_and_within_an_hour_each_shard_has_each()
    {
        var kinds = Enum.GetValues<HostFaultKind>();
        Assert.Equal(kinds, Faults(7, true).Take(kinds.Length).Select(fault => fault.Kind).Order());
        Assert.Equal(3 * kinds.Length, Faults(7, true).Take(200).Select(fault => (fault.Shard, fault.Kind)).Distinct().Count());
    }

    [Fact]
    public void Where_no_host_can_be_cut_off_none_is() =>
        Assert.DoesNotContain(Faults(7, canCut: false).Take(200), fault => fault.Kind.ToString().StartsWith("Cut", StringComparison.Ordinal));

    private static IEnumerable<HostFault> Faults(int seed, bool canCut) => FailoverSchedule.Of(seed, "hosts", canCut).Select(step => (HostFault)step.Step);

    private static IEnumerable<string> Steps(int seed, string lane) => FailoverSchedule.Of(seed, lane, true).Take(50).Select(step => step.Step.Description);
}
