using ShardCore.Access;

namespace ShardCore.Tests.Access;

public sealed class PartitionPatternTests
{
    [Theory]
    [InlineData("tenant-42", "tenant-42", true)]
    [InlineData("tenant-42", "tenant-42:orders", false)]
    [InlineData("tenant-42", "tenant-4", false)]
    [InlineData("tenant-42", "Tenant-42", false)]
    [InlineData("tenant-42:*", "tenant-42:orders", true)]
    [InlineData("tenant-42:*", "tenant-42:", true)]
    [InlineData("tenant-42:*", "tenant-42", false)]
    [InlineData("tenant-42:*", "tenant-421:orders", false)]
    [InlineData("tenant-42:*", "TENANT-42:orders", false)]
    [InlineData("*", "anything", true)]
    [InlineData("é*", "e\u0301x", false)] // the same to the eye, and another key
    public void A_pattern_is_a_key_or_its_beginning(string pattern, string key, bool matches)
    {
        Assert.Equal(matches, PartitionPattern.TryParse(pattern)!.Value.Matches(key));
        Assert.Equal(pattern, PartitionPattern.TryParse(pattern)!.Value.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("*:orders")]
    [InlineData("a*b")]
    [InlineData("a**")]
    public void What_would_match_something_else_than_it_seems_to_is_no_pattern(string text) => Assert.Null(PartitionPattern.TryParse(text));
}
