using ShardCore.Tests.Fence;
using static ShardCore.Tests.Fence.ShardOperation;

namespace ShardCore.Tests.Items;

public sealed class IncrementTests(ItemsShard fixture) : IClassFixture<ItemsShard>, IAsyncLifetime
{
    private ShardUnderTest _shard = null!;

    public async ValueTask InitializeAsync() => _shard = await fixture.AsNewAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask; // the fixture's

    [Theory]
    [InlineData("""{"n":1}""", """["n"]""", "2", """{"n":3}""")]
    [InlineData("""{"n":1}""", """["n"]""", "-2.5", """{"n":-1.5}""")]
    [InlineData("{}", """["n"]""", "2", """{"n":2}""")]
    [InlineData("{}", """["a","b","c"]""", "2", """{"a":{"b":{"c":2}}}""")]
    [InlineData("""{"a":{"x":1}}""", """["a","b"]""", "2", """{"a":{"x":1,"b":2}}""")]
    [InlineData("""{"a.b":1}""", """["a.b"]""", "2", """{"a.b":3}""")]
    [InlineData("""{"0":1}""", """["0"]""", "2", """{"0":3}""")]
    [InlineData("""{"n":"1"}""", """["n"]""", "2", null)]
    [InlineData("""{"n":null}""", """["n"]""", "2", null)]
    [InlineData("""{"n":[1]}""", """["n","0"]""", "2", null)]
    [InlineData("""{"n":1}""", """["n","m"]""", "2", null)]
    public async Task A_number_is_added_where_one_is_or_nothing_is(string before, string path, string by, string? result)
    {
        await _shard.WriteOneAsync(Put("x", before));

        var answer = await _shard.WriteOneAsync(Increment("x", path, decimal.Parse(by, System.Globalization.CultureInfo.InvariantCulture)));

        Assert.Equal(result is null ? "invalid_patch" : "replaced", answer.Outcome);
        AssertJson.Equal(result ?? before, (await _shard.ReadAsync("x")).Doc);
    }

    [Fact]
    public async Task An_item_that_is_not_there_is_created_unless_it_must_exist()
    {
        var answers = await _shard.WriteAsync(Increment("x", """["n"]""", 5), Increment("y", """["n"]""", 5, "present"), Increment("x", """["n"]""", 1, "absent"));

        Assert.Equal(["created", "precondition_failed", "precondition_failed"], answers.Select(answer => answer.Outcome));
        AssertJson.Equal("""{"n":5}""", answers[0].Doc);
    }

    [Fact]
    public async Task Sums_are_exact_and_bounded()
    {
        var digits = new string('9', 400);
        await _shard.WriteAsync(Put("big", $$"""{"n":{{digits}}}"""), Put("small", """{"n":0.1}"""), Put("negative", $$"""{"n":-{{digits[1..]}}8}"""));

        var answers = await _shard.WriteAsync(Increment("big", """["n"]""", 1), Increment("small", """["n"]""", 0.2m));

        Assert.Equal(("invalid_patch", "the sum has more than 400 digits"), (answers[0].Outcome, answers[0].Detail));
        AssertJson.Equal("""{"n":0.3}""", answers[1].Doc);
        Assert.Equal("replaced", (await _shard.WriteOneAsync(Increment("negative", """["n"]""", -1))).Outcome); // the sign is no digit
    }
}
