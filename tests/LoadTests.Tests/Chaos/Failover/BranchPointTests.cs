using Chaos.Failover;

namespace LoadTests.Tests.Chaos.Failover;

public sealed class BranchPointTests
{
    private static readonly TimelineHistory History = TimelineHistory.Parse("1\t0/50\tno recovery target specified\n2\t1/000000A0\tno recovery target specified\n");

    [Fact]
    public void Postgres_says_where_each_earlier_timeline_ended()
    {
        Assert.Equal(0x50, History.Ends[1]);
        Assert.Equal(0x1_0000_00A0, History.Ends[2]);
        Assert.Equal(2, History.Ends.Count);
    }

    [Fact]
    public void What_was_acknowledged_before_the_old_primary_was_last_seen_at_or_before_the_branch_is_kept()
    {
        var branch = BranchPoint.Of([Old(10, 0x40), Old(20, 0x50), Old(30, 0x51), Old(90, 0x60), New(80)], History, from: 30);
        Assert.Equal(new BranchPoint(1, 0x50, Keeps: 20, NewPrimary: 80), branch);
    }

    [Fact]
    public void Without_a_takeover_there_is_none() => Assert.Null(BranchPoint.Of([new HostSample(10, "s1-a", true, 3, 0x40)], History, from: 30));

    private static HostSample Old(long at, long position) => new(at, "s1-a", true, 1, position);

    private static HostSample New(long at) => new(at, "s1-b", true, 2, 0x70);
}
