using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>An element of an array has one name: RFC 6901 knows no <c>-1</c> and no zeros in front. In an object they are names like others.</summary>
public sealed class ArrayPlaceTests(RouterFixture fixture) : RouterTests(fixture)
{
    public static TheoryData<string> NoPlaces => ["-1", "01", "00", "+1", "1.0", "1e0", " 1", "0x1", "", "-0", "99999999999", "\\u0661"];

    [Theory]
    [MemberData(nameof(NoPlaces))]
    public async Task A_patch_finds_nothing_at_what_names_no_element(string step)
    {
        const string document = """{"l":[{"x":1},{"x":2}]}""";
        var etag = (await Items.PutAsync("FR", "x", document)).ETag;
        foreach (var operation in new[]
        {
            $$"""{"op":"add","path":"/l/{{step}}","value":1}""", $$"""{"op":"replace","path":"/l/{{step}}","value":1}""",
            $$"""{"op":"remove","path":"/l/{{step}}"}""", $$"""{"op":"test","path":"/l/{{step}}","value":{"x":2} }""",
            $$"""{"op":"copy","from":"/l/{{step}}","path":"/c"}""", $$"""{"op":"move","from":"/l/{{step}}","path":"/c"}""",
            $$"""{"op":"add","path":"/l/{{step}}/x","value":9}""", $$"""{"op":"replace","path":"/l/{{step}}/x","value":9}""",
            $$"""{"op":"remove","path":"/l/{{step}}/x"}""",
        })
            (await Items.JsonPatchAsync("FR", "x", $"[{operation}]")).ExpectProblem(422, "invalid-patch");
        Assert.Equal(etag, (await Items.GetAsync("FR", "x")).ETag);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("01")]
    [InlineData("00")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("")]
    public async Task In_an_object_it_is_a_name(string step)
    {
        await Items.PutAsync("FR", "x", "{}");

        (await Items.JsonPatchAsync("FR", "x", $$"""[{"op":"add","path":"/{{step}}","value":1},{"op":"test","path":"/{{step}}","value":1}]""")).Expect(200);

        JsonAssert.Equal($$"""{"{{step}}":1}""", (await Items.GetAsync("FR", "x")).Text);
        Assert.Equal(["x"], (await Items.ListAsync("FR", $"f./{Uri.EscapeDataString(step)}=eq.1")).Ids());
    }

    [Theory]
    [InlineData("/a~")]
    [InlineData("/a~2")]
    [InlineData("/~~1")]
    [InlineData("a")]
    public async Task What_is_no_pointer_is_refused_in_patches_and_in_paths(string path)
    {
        await Items.PutAsync("FR", "x", """{"a":1}""");

        (await Items.JsonPatchAsync("FR", "x", $$"""[{"op":"add","path":"{{path}}","value":1}]""")).ExpectProblem(422, "invalid-patch");
        if (path[0] == '/')
        {
            (await Items.ListAsync("FR", $"f.{path}=exists")).ExpectProblem(400, "invalid-filter");
            (await Items.ListAsync("FR", $"select={path}")).ExpectProblem(400, "invalid-parameter");
        }
    }
}
