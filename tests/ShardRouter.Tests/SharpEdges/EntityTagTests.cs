using Microsoft.AspNetCore.Http;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;
using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>Lists of entity tags by RFC 9110, 8.8.3 and 5.6.1: commas within tags, empty members, comparison character by character.</summary>
public sealed class EntityTagTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("\"17\"", "17")]
    [InlineData("\"17\",\"18\"", "17,18")]
    [InlineData("\"17\" ,\t\"18\"", "17,18")]
    [InlineData(",\"17\"", "17")] // empty members are ignored
    [InlineData("\"17\",", "17")]
    [InlineData(" , ,\"17\", ,, \"18\" ,\t,", "17,18")]
    [InlineData("\"a,b\"", "-1")] // a comma within a tag
    [InlineData("\",\"", "-1")]
    [InlineData("\"a,b\",\"17\"", "-1,17")]
    [InlineData("\"17,18\"", "-1")]
    [InlineData("\"\"", "-1")]
    [InlineData("\"017\"", "-1")] // the same number, other characters
    [InlineData("\"+17\"", "-1")]
    [InlineData("\"17.0\"", "-1")]
    [InlineData("\"-1\"", "-1")]
    [InlineData("\"٣\"", "-1")]
    [InlineData("\"!#$%&'()*+-./:;<=>?@[\\]^_`{|}~\"", "-1")]
    [InlineData("\"\u0080\u00ff\"", "-1")]
    [InlineData("\"W/17\"", "-1")]
    [InlineData("W/\"17\"", "-1")] // never a strong match
    public void A_list_is_read_member_by_member(string ifMatch, string versions) =>
        Assert.Equal(new WriteCondition(WriteConditionKind.Match, "{" + versions + "}"), ETag.Condition(new HeaderDictionary { ["If-Match"] = ifMatch }));

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData(" , ,")]
    [InlineData("17")]
    [InlineData("\"17")]
    [InlineData("17\"")]
    [InlineData("\"17\"x")]
    [InlineData("\"17\"\"18\"")]
    [InlineData("\"17\" \"18\"")]
    [InlineData("\"1 7\"")] // a blank is no character of a tag
    [InlineData("\"1\t7\"")]
    [InlineData("\"1\u007f\"")]
    [InlineData("\"1\\\"7\"")] // there is no escape
    [InlineData("w/\"17\"")]
    [InlineData("W/17")]
    [InlineData("W/ \"17\"")]
    [InlineData("W /\"17\"")]
    [InlineData("*,")]
    [InlineData("*, \"17\"")]
    [InlineData("\"17\", *")]
    [InlineData("**")]
    public void What_is_no_list_of_tags_is_refused(string value)
    {
        Assert.Throws<ProblemException>(() => ETag.Condition(new HeaderDictionary { ["If-Match"] = value }));
        Assert.Throws<ProblemException>(() => ETag.Condition(new HeaderDictionary { ["If-None-Match"] = value }));
        Assert.Throws<ProblemException>(() => ETag.IsHeldByClient(new HeaderDictionary { ["If-None-Match"] = value }, 17));
    }

    [Theory]
    [InlineData("\"17\"", true)]
    [InlineData("W/\"17\"", true)] // a read compares weakly
    [InlineData(", W/\"17\" ,", true)]
    [InlineData("\"a,b\", \"17\"", true)]
    [InlineData("*", true)]
    [InlineData(" * ", true)]
    [InlineData("\"017\"", false)]
    [InlineData("\"16,17\"", false)]
    public void A_read_compares_weakly(string ifNoneMatch, bool isHeld) =>
        Assert.Equal(isHeld, ETag.IsHeldByClient(new HeaderDictionary { ["If-None-Match"] = ifNoneMatch }, 17));

    [Fact]
    public void Several_fields_are_one_list() => Assert.Equal(
        new WriteCondition(WriteConditionKind.Match, "{17,-1,18}"),
        ETag.Condition(new HeaderDictionary { ["If-Match"] = new(["\"17\"", "", "\"a,b\",\"18\""]) }));

    [Fact]
    public async Task A_write_and_a_read_go_by_the_characters_of_the_tag()
    {
        var etag = (await Items.PutAsync("FR", "x", "{}")).ETag;
        var withZero = etag.Insert(1, "0");

        (await Items.PutAsync("FR", "x", "{}", ("If-Match", withZero))).ExpectProblem(412, "precondition-failed");
        (await Items.GetAsync("FR", "x", ("If-None-Match", withZero))).Expect(200);
        (await Items.GetAsync("FR", "x", ("If-None-Match", $"\"a,b\",, {etag},"))).Expect(304);
        (await Items.PutAsync("FR", "x", "{}", ("If-Match", $", \"a,b\",{etag} ,"))).Expect(200);
    }
}
