using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

public sealed class JsonPatchTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    /// <summary>RFC 6902, appendix A, all of it, then what it leaves to the reader. No result: the patch is refused.</summary>
    [Theory]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux"}]""", """{"baz":"qux","foo":"bar"}""")]
    [InlineData("""{"foo":["bar","baz"]}""", """[{"op":"add","path":"/foo/1","value":"qux"}]""", """{"foo":["bar","qux","baz"]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"remove","path":"/baz"}]""", """{"foo":"bar"}""")]
    [InlineData("""{"foo":["bar","qux","baz"]}""", """[{"op":"remove","path":"/foo/1"}]""", """{"foo":["bar","baz"]}""")]
    [InlineData("""{"baz":"qux","foo":"bar"}""", """[{"op":"replace","path":"/baz","value":"boo"}]""", """{"baz":"boo","foo":"bar"}""")]
    [InlineData("""{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}""", """[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]""", """{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}""")]
    [InlineData("""{"foo":["all","grass","cows","eat"]}""", """[{"op":"move","from":"/foo/1","path":"/foo/3"}]""", """{"foo":["all","cows","eat","grass"]}""")]
    [InlineData("""{"baz":"qux","foo":["a",2,"c"]}""", """[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]""", """{"baz":"qux","foo":["a",2,"c"]}""")]
    [InlineData("""{"baz":"qux"}""", """[{"op":"test","path":"/baz","value":"bar"}]""", null)]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/child","value":{"grandchild":{}}}]""", """{"foo":"bar","child":{"grandchild":{}}}""")]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux","xyz":123}]""", """{"foo":"bar","baz":"qux"}""")]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz/bat","value":"qux"}]""", null)]
    [InlineData("""{"foo":"bar"}""", """[{"op":"add","path":"/baz","value":"qux","op":"remove"}]""", null)]
    [InlineData("""{"/":9,"~1":10}""", """[{"op":"test","path":"/~01","value":10}]""", """{"/":9,"~1":10}""")]
    [InlineData("""{"/":9,"~1":10}""", """[{"op":"test","path":"/~01","value":"10"}]""", null)]
    [InlineData("""{"foo":["bar"]}""", """[{"op":"add","path":"/foo/-","value":["abc","def"]}]""", """{"foo":["bar",["abc","def"]]}""")]
    // Beyond the appendix.
    [InlineData("""{"a":1}""", "[]", """{"a":1}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a","value":2}]""", """{"a":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/a","value":null}]""", """{"a":null}""")]
    [InlineData("""{"a":null}""", """[{"op":"test","path":"/a","value":null},{"op":"replace","path":"/a","value":1}]""", """{"a":1}""")]
    [InlineData("""{"a":null}""", """[{"op":"remove","path":"/a"}]""", "{}")]
    [InlineData("""{"a":1.0}""", """[{"op":"test","path":"/a","value":1}]""", """{"a":1.0}""")]
    [InlineData("""{"a":{"x":1,"y":2}}""", """[{"op":"test","path":"/a","value":{"y":2,"x":1}}]""", """{"a":{"x":1,"y":2}}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"test","path":"/a","value":[2,1]}]""", null)]
    [InlineData("""{"":1}""", """[{"op":"replace","path":"/","value":2}]""", """{"":2}""")]
    [InlineData("""{"a":[]}""", """[{"op":"add","path":"/a/0","value":1}]""", """{"a":[1]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/1","value":2}]""", """{"a":[1,2]}""")]
    [InlineData("""{"a":[1]}""", """[{"op":"add","path":"/a/2","value":2}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/01","value":3}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"replace","path":"/a/-1","value":3}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"replace","path":"/a/-","value":3}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"remove","path":"/a/-"}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"remove","path":"/a/99999999999999999999"}]""", null)]
    [InlineData("""{"a":[1,2]}""", """[{"op":"add","path":"/a/x","value":3}]""", null)]
    [InlineData("""{"a":"text"}""", """[{"op":"add","path":"/a/0","value":3}]""", null)]
    [InlineData("""{"a":[[1],[2]]}""", """[{"op":"add","path":"/a/1/0","value":0}]""", """{"a":[[1],[0,2]]}""")]
    [InlineData("""{"a":{"0":1}}""", """[{"op":"replace","path":"/a/0","value":2}]""", """{"a":{"0":2}}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"/b","value":2}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"remove","path":"/b"}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"remove","path":""}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":{"b":2}}]""", """{"b":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":[1]}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"test","path":"","value":{"a":1}}]""", """{"a":1}""")]
    [InlineData("""{"a":1}""", """[{"op":"copy","from":"/a","path":"/b"}]""", """{"a":1,"b":1}""")]
    [InlineData("""{"a":[1,2]}""", """[{"op":"copy","from":"/a/0","path":"/a/-"}]""", """{"a":[1,2,1]}""")]
    [InlineData("""{"a":1}""", """[{"op":"copy","from":"/x","path":"/b"}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"copy","from":"","path":"/b"}]""", """{"a":1,"b":{"a":1}}""")]
    [InlineData("""{"a":1}""", """[{"op":"move","from":"/a","path":"/a"}]""", """{"a":1}""")]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"move","from":"/a","path":"/a/b"}]""", null)]
    [InlineData("""{"a":{"b":1},"ab":2}""", """[{"op":"move","from":"/a","path":"/ab"}]""", """{"ab":{"b":1}}""")]
    [InlineData("""{"a":{"b":{"c":1}}}""", """[{"op":"move","from":"/a/b","path":"/a"}]""", """{"a":{"c":1}}""")]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"b","value":2}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/~2","value":2}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/x~","value":2}]""", null)]
    [InlineData("""{"a":1}""", """[{"op":"add","path":"/b","value":2},{"op":"test","path":"/b","value":3}]""", null)]
    [InlineData("""{"a/b":{"m~n":1}}""", """[{"op":"replace","path":"/a~1b/m~0n","value":2}]""", """{"a/b":{"m~n":2}}""")]
    public async Task Patches_by_RFC_6902(string before, string patch, string? result)
    {
        await _shard.WriteOneAsync(Put("x", before));

        var answer = await _shard.WriteOneAsync(JsonPatch("x", patch));

        Assert.Equal(result is null ? "invalid_patch" : "replaced", answer.Outcome);
        AssertJson.Equal(result ?? before, (await _shard.ReadAsync("x")).Doc);
        if (result is not null)
            AssertJson.Equal(result, answer.Doc);
    }

    [Fact]
    public async Task A_refusal_names_the_operation_and_why()
    {
        await _shard.WriteOneAsync(Put("x", """{"a":1}"""));

        var answer = await _shard.WriteOneAsync(JsonPatch("x", """[{"op":"test","path":"/a","value":1},{"op":"remove","path":"/b"}]"""));

        Assert.Equal("operation 1: nothing stands at \"b\"", answer.Detail);
    }

    [Fact]
    public async Task A_document_cannot_be_doubled_until_the_memory_is_full()
    {
        await _shard.WriteOneAsync(Put("x", $$"""{"a":"{{new string('x', 1000)}}"}"""));
        var doublings = string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"op":"copy","from":"","path":"/copy{{i}}"}"""));

        var answer = await _shard.WriteOneAsync(JsonPatch("x", $"[{doublings}]"));

        Assert.Equal("invalid_patch", answer.Outcome);
        Assert.EndsWith("the document became too large", answer.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Operations_times_the_size_of_the_document_are_limited()
    {
        await _shard.WriteOneAsync(Put("x", $$"""{"text":"{{new string('x', 1_000_000)}}","list":[]}"""));

        Assert.Equal("replaced", (await _shard.WriteOneAsync(JsonPatch("x", Insertions(16)))).Outcome);
        var refused = await _shard.WriteOneAsync(JsonPatch("x", Insertions(17)));

        Assert.Equal("invalid_patch", refused.Outcome);
        Assert.StartsWith(
            "operation 16: the patch is too much work: its operations times the size of the document may be 16777216 bytes, and the document has 1000", refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_does_not_repeat_a_long_path()
    {
        await _shard.WriteOneAsync(Put("x", "{}"));

        var answer = await _shard.WriteOneAsync(JsonPatch("x", $$"""[{"op":"remove","path":"/{{new string('k', 100_000)}}"}]"""));

        Assert.Equal($"operation 0: nothing stands at \"{new string('k', 60)}…\"", answer.Detail);
    }

    [Fact]
    public async Task A_path_has_at_most_128_steps()
    {
        await _shard.WriteOneAsync(Put("x", "{}"));

        var answer = await _shard.WriteOneAsync(JsonPatch("x", $$"""[{"op":"remove","path":"{{string.Concat(Enumerable.Repeat("/a", 129))}}"}]"""));

        Assert.Equal("operation 0: a path has at most 128 steps", answer.Detail);
    }

    private static string Insertions(int count) =>
        $"[{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"op":"add","path":"/list/0","value":{{i}}}"""))}]";

    [Fact]
    public async Task Nesting_stays_within_64()
    {
        await _shard.WriteOneAsync(Put("x", "{}"));
        var steps = string.Join(',', Enumerable.Range(0, 70).Select(i => $$$"""{"op":"add","path":"{{{string.Concat(Enumerable.Repeat("/a", i + 1))}}}","value":{}}"""));

        Assert.Equal("the patched document would be nested deeper than 64", (await _shard.WriteOneAsync(JsonPatch("x", $"[{steps}]"))).Detail);
    }
}
