using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Callers;
using ShardRouter.Keys;
using ShardRouter.Partitions;

namespace ShardRouter.Tests.Partitions;

/// <summary>Which keys a list of partitions looks for.</summary>
public sealed class KeyRangeTests
{
    [Theory]
    [InlineData("", null, "[,∞)")]
    [InlineData("t1:", null, "[t1:,t1;)")]
    [InlineData("", "t1:*", "[t1:,t1;)")]
    [InlineData("t", "t1:*", "[t1:,t1;)")]
    [InlineData("t1:x", "t1:*", "[t1:x,t1:y)")]
    [InlineData("t2", "t1:*", "")]
    [InlineData("", "t1:* t1:a* shared t1:a", "[shared] [t1:,t1;)")]
    [InlineData("s", "t1:* shared", "[shared]")]
    [InlineData("shared:", "shared", "")]
    [InlineData("", "*", "[,∞)")]
    [InlineData("a", "a* ab* abc", "[a,b)")]
    public void They_begin_with_the_prefix_and_are_the_callers(string prefix, string? patterns, string expected)
    {
        var caller = new Caller(AccessScopes.All, null, patterns?.Split(' ').Select(text => PartitionPattern.TryParse(text)!.Value));

        var ranges = KeyRange.Of(prefix, caller);

        Assert.Equal(expected, string.Join(' ', ranges.Select(range => range.Only is null ? $"[{range.From},{range.To ?? "∞"})" : $"[{range.From}]")));
    }

    [Fact]
    public void Probes_cover_each_slot_once_from_the_position_on()
    {
        KeyRange[] ranges = [new("a", "b", null), new("c", null, null)];
        var position = new PartitionPosition(16_380, "b5");
        var probes = new List<PartitionProbe>();
        while (!position.IsEnd)
            probes.AddRange(PartitionProbe.Next(ranges, position, 1, out position));

        Assert.Equal(
            ["16380 c-", "16381 a-b", "16381 c-", "16382 a-b", "16382 c-", "16383 a-b", "16383 c-"],
            probes.Select(probe => $"{probe.Slot} {probe.From}-{probe.To}"));
    }

    [Fact]
    public void A_single_key_is_looked_for_in_its_slot_only()
    {
        var key = new KeyRange("k", KeyOrder.Behind("k"), SlotHash.Of("k"));

        var probes = PartitionProbe.Next([key], PartitionPosition.Start, 10, out var next);

        Assert.Equal(SlotHash.Of("k"), Assert.Single(probes).Slot);
        Assert.True(next.IsEnd);
    }
}
