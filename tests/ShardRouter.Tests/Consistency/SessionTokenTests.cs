using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Refusals;

namespace ShardRouter.Tests.Consistency;

public sealed class SessionTokenTests
{
    private static readonly ShardId S1 = new("s1");
    private static readonly ShardId S2 = new("s2");

    [Theory]
    [InlineData("1.1")]
    [InlineData("1.1.s1:3:16B3748")]
    [InlineData("1.1.s1:1:0.s2:4294967295:FFFFFFFFFFFFFFFE")]
    [InlineData("1.4.77@9.16383@5.s1:3:16B3748.s2:1:1A")]
    [InlineData("1.1.s1:1:16B3748.s1:2:?")]
    [InlineData("1.1.s1:1:16B3748~16B3700.s1:2:?~1")]
    public void A_token_is_read_as_it_was_written(string text) => Assert.Equal(text, Read(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("1")]
    [InlineData("2.1")]
    [InlineData("1.0")]
    [InlineData("1.01")]
    [InlineData("1.-1")]
    [InlineData("1.1.")]
    [InlineData("1.1..s1:1:1")]
    [InlineData("1.1.s1")]
    [InlineData("1.1.s1:1")]
    [InlineData("1.1.s1:1:1:1")]
    [InlineData("1.1.S1:1:1")]
    [InlineData("1.1.s1:0:1")]
    [InlineData("1.1.s1:4294967296:1")]
    [InlineData("1.1.s1:01:1")]
    [InlineData("1.1.s1:1:")]
    [InlineData("1.1.s1:1:1a")]
    [InlineData("1.1.s1:1:01")]
    [InlineData("1.1.s1:1:G")]
    [InlineData("1.1.s1:1:FFFFFFFFFFFFFFFF")]
    [InlineData("1.1.s1:1:10000000000000000")]
    [InlineData("1.1.s1:1:1.s1:1:2")]
    [InlineData("1.1.s1:1:10~")]
    [InlineData("1.1.s1:1:10~0")]
    [InlineData("1.1.s1:1:10~11")]
    [InlineData("1.1.s1:1:10~9~8")]
    [InlineData("1.1.s1:1:10~?")]
    [InlineData("1.1.16384@2")]
    [InlineData("1.1.-1@2")]
    [InlineData("1.1.7@0")]
    [InlineData("1.1.7@2.7@3")]
    [InlineData("1.1.7@99999999999999999999")]
    [InlineData("1.1.s1:1:1,")]
    [InlineData("1.1.s1:1:1 1.1")]
    public void What_is_no_token_is_refused(string text) =>
        Assert.Equal("invalid-header", Assert.Throws<ProblemException>(() => Read(text)).Problem.Code);

    [Fact]
    public void Several_tokens_of_a_session_are_merged_whether_they_come_in_lines_or_with_commas()
    {
        const string merged = "1.3.9@7.s1:1:FF.s2:1:5";

        Assert.Equal(merged, Read("1.1.8@2.9@4.s1:1:FF", "1.3.9@7.s1:1:A0.s2:1:5").ToString());
        Assert.Equal(merged, Read("1.3.9@7.s1:1:A0.s2:1:5 , 1.1.8@2.9@4.s1:1:FF").ToString());
    }

    [Fact]
    public void Places_of_two_timelines_stay_beside_each_other_until_they_are_judged()
    {
        var token = Read("1.1.s1:1:1000", "1.1.s1:2:900");
        Assert.Equal("1.1.s1:1:1000.s1:2:900", token.ToString()); // the later one alone would hide that 1000 of the earlier may be lost
        Assert.Equal((2U, 0x900UL), token.PlaceOf(S1));

        token.Replace(S1, 2, 0x1000);
        Assert.Equal("1.1.s1:2:1000", token.ToString());
    }

    [Fact]
    public void A_place_never_goes_back()
    {
        var token = Read("1.1.s1:2:A0");
        token.SeePlace(S1, 2, 0x90);
        token.SeePlace(S2, 1, 0x10);
        Assert.Equal("1.1.s1:2:A0.s2:1:10", token.ToString());
    }

    [Fact]
    public void A_write_that_was_not_located_is_behind_everything_until_the_primary_tells_its_place()
    {
        var token = Read("1.1.s1:2:A0");
        token.SeePlace(S1, 2, SessionToken.Unknown);
        token.SeePlace(S1, 2, 0xFF); // a standby
        Assert.Equal("1.1.s1:2:?", token.ToString());

        token.Settle(S1, 3, 0x100); // another timeline says nothing of it
        Assert.Equal("1.1.s1:2:?.s1:3:100", token.ToString());
        token.Settle(S1, 2, 0xF0);
        Assert.Equal("1.1.s1:2:F0.s1:3:100", token.ToString());
    }

    [Fact]
    public void What_a_standby_has_shown_is_kept_until_the_primary_shows_it()
    {
        var token = Read("1.1.s1:2:A0");
        token.SeeAtStandby(S1, 2, 0xB0);
        token.Settle(S1, 2, 0xC0); // it has it in its log; that does not say that it shows it
        Assert.Equal("1.1.s1:2:C0~B0", token.ToString());
        token.ShownByPrimary(S1, 2, 0xA0);
        token.Merge(Read("1.1.s1:2:A8~A8"));
        Assert.Equal("1.1.s1:2:C0~B0", token.ToString());

        token.ShownByPrimary(S1, 2, 0xB0);
        Assert.Equal("1.1.s1:2:C0", token.ToString());

        token.SeeAtStandby(S1, 2, 0xD0);
        token.Replace(S1, 3, 0xD0); // a standby that was promoted shows all that it had
        Assert.Equal("1.1.s1:3:D0", token.ToString());
    }

    [Fact]
    public void Of_many_slots_the_lowest_epochs_become_the_floor()
    {
        var token = new SessionToken();
        for (var slot = 0; slot < SessionToken.MaxSlots; slot++)
            token.SeeSlot(slot, slot + 10);
        Assert.Equal(1, token.Floor);
        Assert.Equal(10, token.EpochOf(0));
        Assert.Equal(1, token.EpochOf(9999));

        token.SeeSlot(9999, 50);

        Assert.Equal(10, token.Floor);
        Assert.Equal(SessionToken.MaxSlots, token.Slots.Count);
        Assert.Equal(10, token.EpochOf(0)); // not lower than before
        Assert.Equal(10, token.EpochOf(12345)); // never seen, and nobody can tell that any more
        Assert.Equal(50, token.EpochOf(9999));
    }

    [Fact]
    public void Slots_that_never_moved_take_no_room()
    {
        var token = new SessionToken();
        token.SeeSlot(5, Epoch.First.Value);
        Assert.Equal("1.1", token.ToString());
    }

    [Fact]
    public void Its_size_is_bounded()
    {
        var many = "1.1" + string.Concat(Enumerable.Range(1, SessionToken.MaxPlaces).Select(i => $".s{i}:1:A"));
        Assert.Equal(SessionToken.MaxPlaces, Read(many).Places.Count);
        Assert.Throws<ProblemException>(() => Read(many + ".t:1:A"));
        Assert.Throws<ProblemException>(() => Read(many, "1.1.t:1:A"));
        Assert.Throws<ProblemException>(() => Read([.. Enumerable.Repeat("1.1.s1:1:A", 1 + (SessionTokenText.MaxLength / 10))]));
    }

    private static SessionToken Read(params string[] lines) => SessionTokenText.Read(lines);
}
