using System.Security.Claims;
using ShardRouter.Access;
using ShardRouter.Access.Tokens;

namespace ShardRouter.Tests.Access;

/// <summary>What the environment may say, and which patterns of partitions cannot be trusted.</summary>
public sealed class AccessOptionsTests
{
    private static readonly (string, string)[] Tokens =
        [("SHARDING_JWT_ISSUER", "i"), ("SHARDING_JWT_AUDIENCE", "a"), ("SHARDING_JWT_JWKS", "/keys.json")];

    [Fact]
    public void Unset_a_key_is_needed_and_tokens_let_nobody_in() => Assert.Equal(new AccessOptions(IsOpen: false, null), Read());

    [Fact]
    public void Open_takes_exactly_that_word()
    {
        Assert.True(Read(("SHARDING_AUTH", "open")).IsOpen);
        Assert.False(Read(("SHARDING_AUTH", "required")).IsOpen);
        foreach (var other in new[] { "Open", "off", "none", "false", "0" })
            Assert.Contains("SHARDING_AUTH", Assert.Throws<FormatException>(() => Read(("SHARDING_AUTH", other))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_need_issuer_audience_and_keys_together()
    {
        var options = Read([.. Tokens, ("SHARDING_JWT_CLOCK_SKEW", "0"), ("SHARDING_JWT_COLLECTIONS", "a, b")]).Tokens!;

        Assert.Equal(("i", "a", "/keys.json", TimeSpan.Zero), (options.Issuer, options.Audience, options.Keys, options.ClockSkew));
        Assert.Equal(["a", "b"], options.Collections!);
        Assert.Equal(TimeSpan.FromMinutes(1), Read(Tokens).Tokens!.ClockSkew);
        foreach (var (missing, _) in Tokens)
            Assert.Contains(missing, Assert.Throws<FormatException>(() => Read([.. Tokens.Where(each => each.Item1 != missing)])).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => Read(("SHARDING_JWT_PARTITIONS", "{tenant}:*")));
    }

    [Theory]
    [InlineData("SHARDING_JWT_JWKS", "http://login.example/keys")]
    [InlineData("SHARDING_JWT_JWKS", "ftp://login.example/keys")]
    [InlineData("SHARDING_JWT_CLOCK_SKEW", "601")]
    [InlineData("SHARDING_JWT_CLOCK_SKEW", "-1")]
    [InlineData("SHARDING_JWT_COLLECTIONS", "a,B")]
    [InlineData("SHARDING_JWT_PARTITIONS", "{tenant}*")] // a tenant "a" would reach those of "ab"
    [InlineData("SHARDING_JWT_PARTITIONS", "{org}{tenant}:*")]
    [InlineData("SHARDING_JWT_PARTITIONS", "{tenant:*")]
    [InlineData("SHARDING_JWT_PARTITIONS", "{}:*")]
    [InlineData("SHARDING_JWT_PARTITIONS", "*:{tenant}")]
    [InlineData("SHARDING_JWT_PARTITIONS", "a*{tenant}")] // no token would have a pattern
    [InlineData("SHARDING_JWT_PARTITIONS", "{org}/a*{tenant}:*")]
    public void What_cannot_be_used_is_told_by_name(string variable, string value) =>
        Assert.Contains(variable, Assert.Throws<FormatException>(() => Read([.. Tokens.Where(each => each.Item1 != variable), (variable, value)])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{tenant}:*", "a", "x", "a:*")]
    [InlineData("{org}/{tenant}", "a", "x", "x/a")]
    [InlineData("all-{org}:{tenant}:*", "a", "x", "all-x:a:*")]
    [InlineData("fixed:*", "a", "x", "fixed:*")]
    [InlineData("{tenant}:*", "a:b", "x", null)]
    [InlineData("{tenant}:*", "a*", "x", null)]
    [InlineData("{tenant}:*", "", "x", null)]
    [InlineData("{org}/{tenant}", "a/b", "x", "x/a/b")] // at the end nothing follows
    [InlineData("{org}/{tenant}", "a", "x/y", null)]
    public void Claims_are_put_in_unless_they_would_reach_further(string template, string tenant, string org, string? expected)
    {
        var pattern = Read([.. Tokens, ("SHARDING_JWT_PARTITIONS", template)]).Tokens!.Partitions!;

        Assert.Equal(expected, pattern.Of(new ClaimsPrincipal(new ClaimsIdentity([new Claim("tenant", tenant), new Claim("org", org)])))?.ToString());
    }

    private static AccessOptions Read(params (string Name, string Value)[] variables) =>
        AccessOptions.FromEnvironment(name => variables.FirstOrDefault(each => each.Name == name).Value);
}
