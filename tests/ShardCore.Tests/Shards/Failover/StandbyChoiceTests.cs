using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Tests.Shards.Failover;

public sealed class StandbyChoiceTests
{
    private static readonly ShardHost Host = new("a", 5432);
    private static readonly ShardPosition Seen = new("7001", 3, default);

    [Theory]
    [InlineData(HostRole.Standby, "7001", 3, true)]
    [InlineData(HostRole.Standby, "7001", 2, false)] // follows a server that was replaced
    [InlineData(HostRole.Standby, "7001", 4, false)] // follows one that is not known yet
    [InlineData(HostRole.Standby, "7002", 3, false)]
    [InlineData(HostRole.Primary, "7001", 3, false)]
    [InlineData(HostRole.Silent, "", 0, false)]
    public void A_standby_is_used_if_it_follows_the_present_primary(HostRole role, string system, uint timeline, bool isUsable) =>
        Assert.Equal(isUsable, StandbyChoice.IsUsable(new HostView(Host, role, system, timeline, default, null), Seen));

    [Fact]
    public void Without_a_known_primary_none_is_used() =>
        Assert.False(StandbyChoice.IsUsable(new HostView(Host, HostRole.Standby, "7001", 3, default, null), seen: null));

    /// <summary>Its primary died: it does not stream, and its last checkpoint was before the takeover.</summary>
    [Fact]
    public void A_standby_keeps_the_timeline_that_it_streamed()
    {
        var timelines = new HostTimelines();
        HostView Standby(uint timeline) => timelines.Known(new HostView(Host, HostRole.Standby, "7001", timeline, default, null));

        Assert.Equal(2u, Standby(2).Timeline);
        Assert.Equal(3u, Standby(3).Timeline);
        Assert.Equal(3u, Standby(2).Timeline);
        Assert.Equal(2u, timelines.Known(new HostView(Host, HostRole.Primary, "7001", 2, default, null)).Timeline);
        Assert.Equal(1u, timelines.Known(new HostView(Host, HostRole.Standby, "7002", 1, default, null)).Timeline);
        Assert.Equal(0u, timelines.Known(HostView.Silent(Host, "does not answer")).Timeline);
    }
}
