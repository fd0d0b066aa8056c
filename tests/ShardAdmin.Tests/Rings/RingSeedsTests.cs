using ShardAdmin.Rings;

namespace ShardAdmin.Tests.Rings;

public sealed class RingSeedsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("h1:1/a", "h1:1/a")]
    [InlineData("h1:1/a, h2:2/b,", "h1:1/a", "h2:2/b")]
    [InlineData("h1:1,h2:2/a,h3:3/b", "h1:1,h2:2/a", "h3:3/b")]
    [InlineData("h1:1/a,h2:2,h3:3/b", "h1:1/a", "h2:2,h3:3/b")]
    public void A_comma_before_the_database_is_between_hosts_and_one_after_it_between_seeds(string seeds, params string[] expected) =>
        Assert.Equal(expected, RingSeeds.ParseList(seeds).Select(seed => seed.ToString()));
}
