using ShardRouter.Shards;

namespace ShardRouter.Tests.Consistency;

public sealed class LogReadingTests
{
    [Fact]
    public void A_primary_has_what_it_has_flushed()
    {
        var reading = LogReading.Parse(["primary", "00000003", "0/16B3748", null, "then"]);
        Assert.Equal(new LogReading(true, 3, 0x16B3748, null, "then"), reading);
        Assert.Equal(0x16B3748UL, reading.Seen);
    }

    [Fact]
    public void A_standby_that_has_more_to_apply_may_show_the_next_record_already()
    {
        Assert.Equal(0x10UL, LogReading.Parse(["standby", "00000003", "0/10", "0/10", "then"]).Seen);
        Assert.Equal(0x11UL, LogReading.Parse(["standby", "00000003", "0/10", "0/20", "then"]).Seen);
        Assert.Equal(0x10UL, LogReading.Parse(["standby", "00000003", "0/10", "0/8", "then"]).Seen); // received before a restart
    }

    [Fact]
    public void A_standby_that_does_not_stream_has_no_timeline() =>
        Assert.Equal(0U, LogReading.Parse(["standby", null, "0/10", "0/10", "then"]).Timeline);
}
