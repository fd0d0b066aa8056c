using LoadTests.Benches;

namespace LoadTests.Tests.Benches;

public sealed class SlotListTests
{
    [Theory]
    [InlineData(new[] { 5 }, "5")]
    [InlineData(new[] { 3, 1, 2, 0 }, "0-3")]
    [InlineData(new[] { 1, 2, 5, 16382, 16383 }, "1-2,5,16382-16383")]
    public void Slots_are_written_as_the_command_line_takes_them(int[] slots, string expected) => Assert.Equal(expected, SlotList.Of(slots));
}
