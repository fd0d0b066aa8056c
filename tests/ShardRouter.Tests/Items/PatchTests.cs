using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

public sealed class PatchTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory] // the examples of RFC 7396 that are about objects
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("""{"a":"foo"}""", """{"a":{"b":"c"}}""", """{"a":{"b":"c"}}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    [InlineData("""{"a":1}""", """{}""", """{"a":1}""")]
    public async Task A_merge_patch_changes_what_it_names(string document, string patch, string expected)
    {
        var put = await Items.PutAsync("FR", "x", document);

        var patched = (await Items.MergePatchAsync("FR", "x", patch)).Expect(200);

        Assert.NotEqual(put.ETag, patched.ETag);
        var got = await Items.GetAsync("FR", "x");
        JsonAssert.Equal(expected, got.Text);
        Assert.Equal(patched.ETag, got.ETag);
    }

    [Theory] // RFC 6902, appendix A, and more
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2}]""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a","value":{"x":[]}}]""", """{"a":{"x":[]}}""")]
    [InlineData("""{"l":["a","c"]}""", """[{"op":"add","path":"/l/1","value":"b"}]""", """{"l":["a","b","c"]}""")]
    [InlineData("""{"l":["a"]}""", """[{"op":"add","path":"/l/-","value":["b","c"]}]""", """{"l":["a",["b","c"]]}""")]
    [InlineData("""{"l":["a"]}""", """[{"op":"add","path":"/l/1","value":"b"}]""", """{"l":["a","b"]}""")]
    [InlineData("""{"l":[1,2,3]}""", """[{"op":"remove","path":"/l/1"}]""", """{"l":[1,3]}""")]
    [InlineData("""{"a":1,"b":2}""", """[{"op":"remove","path":"/b"}]""", """{"a":1}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"/a","value":null}]""", """{"a":null}""")]
    [InlineData("""{"l":[1,2]}""", """[{"op":"replace","path":"/l/0","value":9}]""", """{"l":[9,2]}""")]
    [InlineData("""{"a":{"x":1},"b":{}}""", """[{"op":"move","from":"/a/x","path":"/b/y"}]""", """{"a":{},"b":{"y":1}}""")]
    [InlineData("""{"l":["a","b","c","d"]}""", """[{"op":"move","from":"/l/1","path":"/l/3"}]""", """{"l":["a","c","d","b"]}""")]
    [InlineData("""{"a":1}""", """[{"op":"move","from":"/a","path":"/a"}]""", """{"a":1}""")]
    [InlineData("""{"a":{"x":1}}""", """[{"op":"copy","from":"/a","path":"/b"}]""", """{"a":{"x":1},"b":{"x":1}}""")]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"/a","value":1.0},{"op":"add","path":"/ok","value":true}]""", """{"a":1,"ok":true}""")]
    [InlineData("""{"/":9,"~1":10}""", """[{"op":"test","path":"/~01","value":10},{"op":"replace","path":"/~1","value":0}]""", """{"/":0,"~1":10}""")]
    [InlineData("""{"":1}""", """[{"op":"replace","path":"/","value":2}]""", """{"":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":{"new":true}}]""", """{"new":true}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a.b'\"$","value":2,"ignored":0}]""", """{"a":1,"a.b'\"$":2}""")]
    [InlineData("""{"a":1}""", """[]""", """{"a":1}""")]
    public async Task A_JSON_patch_does_its_operations_in_order(string document, string patch, string expected)
    {
        await Items.PutAsync("FR", "x", document);

        (await Items.JsonPatchAsync("FR", "x", patch)).Expect(200);

        JsonAssert.Equal(expected, (await Items.GetAsync("FR", "x")).Text);
    }

    [Theory]
    [InlineData("""[{"op":"remove","path":"/none"}]""")]
    [InlineData("""[{"op":"replace","path":"/none","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/none/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/a/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/l/3","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/l/01","value":1}]""")]
    [InlineData("""[{"op":"remove","path":"/l/-"}]""")]
    [InlineData("""[{"op":"replace","path":"/l/99999999999999999999","value":1}]""")]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""")]
    [InlineData("""[{"op":"test","path":"/none","value":null}]""")]
    [InlineData("""[{"op":"copy","from":"/none","path":"/b"}]""")]
    [InlineData("""[{"op":"move","from":"/l","path":"/l/0"}]""")]
    [InlineData("""[{"op":"replace","path":"","value":[1]}]""")]
    [InlineData("""[{"op":"remove","path":""}]""")]
    [InlineData("""[{"op":"add","path":"/b","value":1},{"op":"test","path":"/b","value":2}]""")]
    [InlineData("""[{"op":"add","path":"b","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/~2","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/b"}]""")]
    [InlineData("""[{"op":"add","value":1}]""")]
    [InlineData("""[{"op":"move","path":"/b"}]""")]
    [InlineData("""[{"op":"merge","path":"/b"}]""")]
    [InlineData("""[{"op":1,"path":"/b"}]""")]
    [InlineData("""[{"path":"/b"}]""")]
    [InlineData("""[1]""")]
    [InlineData("""{"op":"add"}""")]
    public async Task A_JSON_patch_that_cannot_be_applied_changes_nothing(string patch)
    {
        var put = await Items.PutAsync("FR", "x", """{"a":1,"l":[1,2]}""");

        (await Items.JsonPatchAsync("FR", "x", patch)).ExpectProblem(422, "invalid-patch");

        var got = await Items.GetAsync("FR", "x");
        Assert.Equal(put.ETag, got.ETag);
        JsonAssert.Equal("""{"a":1,"l":[1,2]}""", got.Text);
    }

    [Fact]
    public async Task A_patch_cannot_make_a_document_too_large_or_too_deep()
    {
        var put = await Items.PutAsync("FR", "x", $$"""{"text":"{{new string('x', 700_000)}}","d":{{Nested(60)}}}""");
        var doubling = string.Join(",", Enumerable.Range(0, 40).Select(i => $$"""{"op":"copy","from":"","path":"/copy{{i}}"}"""));
        var deepening = $$"""[{"op":"add","path":"/d/a/a/a/a/a","value":{{Nested(62)}}}]""";

        (await Items.JsonPatchAsync("FR", "x", $"[{doubling}]")).ExpectProblem(422, "invalid-patch");
        (await Items.MergePatchAsync("FR", "x", $$"""{"a":"{{new string('y', 900_000)}}","b":null}""")).Expect(200);
        (await Items.MergePatchAsync("FR", "x", $$"""{"b":"{{new string('z', 900_000)}}"}""")).ExpectProblem(422, "invalid-patch");
        (await Items.JsonPatchAsync("FR", "x", deepening)).ExpectProblem(422, "invalid-patch");

        Assert.NotEqual(put.ETag, (await Items.GetAsync("FR", "x")).Expect(200).ETag);
    }

    /// <summary>Each copy of the document into its own deepest place doubles its depth: 32,000 after fifteen, in a few hundred kilobytes.</summary>
    [Fact]
    public async Task A_patch_cannot_nest_a_document_so_deep_that_looking_at_it_fails_those_beside_it()
    {
        await Items.PutAsync("FR", "x", "{}");
        await Items.PutAsync("FR", "beside", "{}");
        var steps = string.Join(",", Enumerable.Range(0, 15).Select(i => $$"""{"op":"copy","from":"","path":"{{string.Concat(Enumerable.Repeat("/a", 1 << i))}}"}"""));

        var deep = Items.JsonPatchAsync("FR", "x", $"[{steps}]");
        var beside = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Items.MergePatchAsync("FR", "beside", """{"a":1}""")));

        (await deep).ExpectProblem(422, "invalid-patch");
        Assert.All(beside, reply => reply.Expect(200));
        JsonAssert.Equal("{}", (await Items.GetAsync("FR", "x")).Expect(200).Text);
    }

    [Fact]
    public async Task Prefer_return_representation_sends_the_patched_document_back()
    {
        await Items.PutAsync("FR", "x", """{"a":1}""");

        JsonAssert.Equal("""{"a":1,"b":2}""", (await Items.MergePatchAsync("FR", "x", """{"b":2}""", ("Prefer", "return=representation"))).Expect(200).Text);
    }

    [Fact]
    public async Task Concurrent_patches_of_one_item_all_count()
    {
        await Items.PutAsync("FR", "x", "{}");

        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Items.MergePatchAsync("FR", "x", $$"""{"p{{i}}":true}""")));

        Assert.All(replies, reply => reply.Expect(200));
        Assert.Equal(20, (await Items.GetAsync("FR", "x")).Json.EnumerateObject().Count());
        Assert.Equal(20, replies.Select(reply => reply.ETag).Distinct().Count());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData("application/merge-patch+json; charset=latin1")]
    [InlineData("nonsense")]
    public async Task A_patch_of_another_media_type_is_refused(string? mediaType)
    {
        await Items.PutAsync("FR", "x", "{}");

        (await Api.SendAsync("PATCH", Items.AddressOf("FR", "x"), "{}"u8.ToArray(), mediaType is null ? [] : [("Content-Type", mediaType)])).ExpectProblem(415, "unsupported-media-type");
    }

    private static string Nested(int depth) => string.Concat(Enumerable.Repeat("""{"a":""", depth)) + "1" + new string('}', depth);
}
