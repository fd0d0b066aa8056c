using Microsoft.AspNetCore.Http;
using ShardRouter.Http;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>The Prefer header by RFC 7240. A preference that cannot be read is no preference; the request goes on.</summary>
public sealed class PreferTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("return=representation", true)]
    [InlineData("Return=Representation", true)] // tokens have no case
    [InlineData("return = representation", true)]
    [InlineData("return=\"representation\"", true)] // token or quoted
    [InlineData("return=\"re\\presentation\"", true)]
    [InlineData("return=representation; a; b=c; d=\"e;f,g\"", true)] // parameters
    [InlineData("return=representation;", true)]
    [InlineData("return=representation ; ;a", true)]
    [InlineData("a, return=representation", true)]
    [InlineData(",, return=representation ,", true)]
    [InlineData("a=\"x, return=minimal\", return=representation", true)] // a comma within quotes
    [InlineData("a=\"x\\\", b\", return=representation", true)]
    [InlineData("a b, return=representation", true)] // what is malformed is skipped
    [InlineData("=, return=representation", true)]
    [InlineData("a=\"open, return=representation", false)]
    [InlineData("a=\"return=representation\"", false)]
    [InlineData("a;return=representation", false)] // a parameter of another preference
    [InlineData("return=minimal", false)]
    [InlineData("return=minimal, return=representation", false)] // the first counts
    [InlineData("return=representation, return=minimal", true)]
    [InlineData("return", false)]
    [InlineData("return=", false)]
    [InlineData("return=\"\"", false)]
    [InlineData("return=representations", false)]
    [InlineData("return=representation x", false)]
    [InlineData("return==representation", false)]
    [InlineData("returns=representation", false)]
    [InlineData("representation", false)]
    [InlineData("", false)]
    public void A_preference_with_a_value_is_found(string prefer, bool isFound) =>
        Assert.Equal(isFound, Preferences.Has(new HeaderDictionary { ["Prefer"] = prefer }, "return", "representation"));

    [Theory]
    [InlineData("shard-route", true)]
    [InlineData("Shard-Route", true)]
    [InlineData("shard-route=\"\"", true)] // no value and an empty one are the same
    [InlineData("shard-route; a=b", true)]
    [InlineData("shard-route=yes", false)]
    [InlineData("\"shard-route\"", false)]
    [InlineData("no shard-route", false)]
    public void A_preference_without_a_value_is_found(string prefer, bool isFound) =>
        Assert.Equal(isFound, Preferences.Has(new HeaderDictionary { ["Prefer"] = prefer }, "shard-route", ""));

    [Fact]
    public void Several_fields_are_one_list()
    {
        var headers = new HeaderDictionary { ["Prefer"] = new(["a", "shard-route, return=representation", "return=minimal"]) };

        Assert.True(Preferences.Has(headers, "shard-route", ""));
        Assert.True(Preferences.Has(headers, "return", "representation"));
        Assert.False(Preferences.Has(headers, "return", "minimal"));
    }

    [Fact]
    public async Task A_write_answers_by_its_preferences()
    {
        var reply = await Items.PutAsync("FR", "x", """{"a":1}""", ("Prefer", "respond-async; note=\"a, b\", RETURN=\"representation\"; x"), ("Prefer", "Shard-Route"));

        JsonAssert.Equal("""{"a":1}""", reply.Expect(201).Text);
        Assert.Equal("return=representation", reply["Preference-Applied"]);
        Assert.NotNull(reply["Shard-Route"]);
        Assert.Empty((await Items.PutAsync("FR", "x", "{}", ("Prefer", "a=\"return=representation\""))).Expect(200).Body);
    }
}
