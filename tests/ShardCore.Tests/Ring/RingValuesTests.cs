using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

public sealed class RingValuesTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(16_384)]
    [InlineData(65_536)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void No_slot_is_outside_of_0_to_16383(int value) => Assert.Throws<ArgumentOutOfRangeException>(() => new Slot(value));

    [Fact]
    public void All_slots_are_16384_in_order()
    {
        Assert.Equal(16_384, Slot.All.Count());
        Assert.Equal(Enumerable.Range(0, 16_384), Slot.All.Select(slot => (int)slot.Value));
        Assert.True(new Slot(1) < new Slot(2) && new Slot(2) > new Slot(1) && new Slot(2) <= new Slot(2) && new Slot(2) >= new Slot(2));
        Assert.Equal("16383", new Slot(16_383).ToString());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1L << 53)]
    [InlineData(long.MaxValue)]
    public void No_epoch_is_outside_of_what_Lua_counts_exactly(long value) => Assert.Throws<ArgumentOutOfRangeException>(() => new Epoch(value));

    [Fact]
    public void Epochs_count_up_from_1_and_end_rather_than_wrap()
    {
        Assert.Equal(1, Epoch.First.Value);
        Assert.Equal(new Epoch(2), Epoch.First.Next());
        Assert.True(Epoch.First < Epoch.First.Next() && Epoch.First <= Epoch.First && new Epoch(3) > new Epoch(2) && new Epoch(3) >= new Epoch(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Epoch((1L << 53) - 1).Next());
    }

    [Theory]
    [InlineData("s1")]
    [InlineData("a")]
    [InlineData("eu-west_1")]
    [InlineData("a23456789012345678901234567890123456789012345678901234567890123")]
    public void A_shard_id_is_a_letter_and_up_to_62_more(string value) => Assert.Equal(value, new ShardId(value).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("1s")]
    [InlineData("S1")]
    [InlineData("s1\n")]
    [InlineData(" s1")]
    [InlineData("s.1")]
    [InlineData("sé")]
    [InlineData("-s")]
    [InlineData("a234567890123456789012345678901234567890123456789012345678901234")]
    public void Anything_else_is_no_shard_id(string value)
    {
        Assert.Contains("is not a shard id", Assert.Throws<FormatException>(() => new ShardId(value)).Message, StringComparison.Ordinal);
        Assert.False(ShardId.IsValid(value));
    }

    [Fact]
    public void Shard_ids_sort_by_their_bytes_in_every_culture()
    {
        string[] sorted = ["a-b", "a0", "a_b", "ab", "s1", "s10", "s2"];
        Assert.Equal(sorted, sorted.Reverse().Select(text => new ShardId(text)).Order().Select(id => id.Value));
    }
}
