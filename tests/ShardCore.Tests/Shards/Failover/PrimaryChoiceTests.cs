using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Tests.Shards.Failover;

public sealed class PrimaryChoiceTests
{
    private static readonly ShardHost A = new("a", 5432);
    private static readonly ShardHost B = new("b", 5432);
    private static readonly ShardHost C = new("c", 5432);

    [Fact]
    public void The_one_primary_is_taken_wherever_it_stands_in_the_list()
    {
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 1), Standby(B)], seen: null, current: null));
        Assert.Equal(B, PrimaryChoice.Of([Standby(A), Primary(B, 1)], seen: null, current: null));
        Assert.Equal(C, PrimaryChoice.Of([Silent(A), Standby(B), Primary(C, 4)], seen: null, current: A));
    }

    [Fact]
    public void Of_two_primaries_the_one_that_was_promoted_last_is_right()
    {
        Assert.Equal(B, PrimaryChoice.Of([Primary(A, 1), Primary(B, 2)], seen: null, current: A));
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 3), Primary(B, 2)], Seen(2), current: B));
    }

    [Fact]
    public void Of_two_of_one_timeline_the_present_one_stays()
    {
        Assert.Equal(B, PrimaryChoice.Of([Primary(A, 2), Primary(B, 2)], Seen(2), current: B));
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 2), Primary(B, 2)], Seen(2), current: null));
    }

    [Fact]
    public void A_primary_of_an_earlier_timeline_than_was_seen_is_not_believed()
    {
        Assert.Null(PrimaryChoice.Of([Primary(A, 1), Silent(B)], Seen(2), current: A));
        Assert.Null(PrimaryChoice.Of([Primary(A, 1), Standby(B)], Seen(2), current: null));
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 2), Silent(B)], Seen(2), current: B));
    }

    [Fact]
    public void Beside_the_shards_own_server_a_foreign_one_is_not_taken_whatever_its_timeline()
    {
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 2), Primary(B, 9) with { System = "foreign" }], Seen(2), current: A));
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 2), Primary(B, 9) with { System = "foreign" }], Seen(2), current: B));
    }

    [Fact]
    public void A_server_of_another_system_is_compared_with_nothing()
    {
        Assert.Equal(A, PrimaryChoice.Of([Primary(A, 1) with { System = "restored" }, Silent(B)], Seen(7), current: B));
    }

    [Fact]
    public void Without_a_primary_there_is_none()
    {
        Assert.Null(PrimaryChoice.Of([Silent(A), Standby(B)], seen: null, current: A));
    }

    private static ShardPosition Seen(uint timeline) => new("7001", timeline, default);

    private static HostView Primary(ShardHost host, uint timeline) => new(host, HostRole.Primary, "7001", timeline, default, null);

    private static HostView Standby(ShardHost host) => new(host, HostRole.Standby, "7001", 1, default, null);

    private static HostView Silent(ShardHost host) => HostView.Silent(host, "does not answer");
}
