using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

public sealed class MergePatchTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    /// <summary>RFC 7396, appendix A, all of it.</summary>
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", "{}")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"a":"foo"}""", "\"bar\"", "\"bar\"")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("[1,2]", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("{}", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    // Beyond the appendix.
    [InlineData("{}", """{"a":[{"b":null},null]}""", """{"a":[{"b":null},null]}""")]
    [InlineData("""{"a":{"b":{"c":1,"d":2},"e":3},"f":{"g":4}}""", """{"a":{"b":{"c":null,"h":{"i":null,"j":5}}},"f":null}""", """{"a":{"b":{"d":2,"h":{"j":5}},"e":3}}""")]
    [InlineData("""{"a":[1]}""", """{"a":{"b":null}}""", """{"a":{}}""")]
    [InlineData("""{"a":"é😀","b\"c":1.50}""", """{"\u00e9\"\\":"\t\u0001"}""", """{"a":"é😀","b\"c":1.50,"é\"\\":"\t\u0001"}""")]
    public async Task Appendix_A_of_RFC_7396(string target, string patch, string result)
    {
        AssertJson.Equal(result, await _shard.Database.ScalarAsync<string>($"select sharding.merge_patch('{target}', '{patch}')::text"));
        if (!target.StartsWith('{'))
            return;
        await _shard.WriteOneAsync(Put("x", target));

        var answer = await _shard.WriteOneAsync(MergePatch("x", patch));

        if (!result.StartsWith('{')) // a document is an object
            Assert.Equal(("invalid_patch", "the patched document would not be an object"), (answer.Outcome, answer.Detail));
        else
            AssertJson.Equal(result, answer.Doc);
    }

    [Fact]
    public async Task Field_names_are_taken_literally()
    {
        await _shard.WriteOneAsync(Put("x", """{"":1,"a.b":2,"$x":3,"0":4}"""));

        var answer = await _shard.WriteOneAsync(MergePatch("x", """{"":null,"a.b":{"c":5},"'; drop table sharding.item; --":6}"""));

        AssertJson.Equal("""{"$x":3,"0":4,"a.b":{"c":5},"'; drop table sharding.item; --":6}""", answer.Doc);
    }

    [Fact]
    public async Task A_result_that_is_too_large_is_refused_and_nothing_is_changed()
    {
        var half = new string('x', 1_100_000);
        await _shard.WriteOneAsync(Put("x", $$"""{"a":"{{half}}"}"""));

        var answer = await _shard.WriteOneAsync(MergePatch("x", $$"""{"b":"{{half}}"}"""));

        Assert.Equal(("invalid_patch", "the patched document would be too large: 2200018 bytes when written out, of at most 2097152"), (answer.Outcome, answer.Detail));
        Assert.Null(answer.Doc);
        Assert.DoesNotContain("\"b\"", (await _shard.ReadAsync("x")).Doc, StringComparison.Ordinal);
    }
}
