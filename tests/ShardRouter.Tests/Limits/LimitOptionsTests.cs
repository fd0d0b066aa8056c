using ShardRouter.Limits;

namespace ShardRouter.Tests.Limits;

public sealed class LimitOptionsTests
{
    [Fact]
    public void Nothing_is_limited_unless_somebody_says_so()
    {
        Assert.Equal(new LimitOptions(), LimitOptions.FromEnvironment(_ => null));
        Assert.Equal(7, LimitOptions.FromEnvironment(name => name == "SHARDING_CALLER_RATE" ? "7" : null).CallerRate);
        Assert.Equal(8, LimitOptions.FromEnvironment(name => name == "SHARDING_CALLER_REQUESTS" ? "8" : null).CallerRequests);
        Assert.Equal(9, LimitOptions.FromEnvironment(name => name == "SHARDING_PARTITION_RATE" ? "9" : null).PartitionRate);
    }

    [Theory]
    [InlineData("SHARDING_CALLER_RATE", "-1")]
    [InlineData("SHARDING_CALLER_REQUESTS", "many")]
    [InlineData("SHARDING_PARTITION_RATE", "1000001")]
    public void A_value_that_is_no_limit_is_named(string variable, string value)
    {
        var error = Assert.Throws<FormatException>(() => LimitOptions.FromEnvironment(name => name == variable ? value : null));

        Assert.Contains(variable, error.Message, StringComparison.Ordinal);
    }
}
