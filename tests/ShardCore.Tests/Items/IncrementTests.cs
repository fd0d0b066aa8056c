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

    [Theory]
    [InlineData("5", "-5", "\"min\":0", "replaced", "0")]
    [InlineData("5", "-6", "\"min\":0", "out_of_range", "5")]
    [InlineData("5", "1", "\"max\":6.0", "replaced", "6")]
    [InlineData("5", "1.0001", "\"max\":6", "out_of_range", "5")]
    [InlineData("-9", "1", "\"min\":0", "out_of_range", "-9")] // also from outside of the range
    [InlineData("0.1", "0.2", "\"min\":0.3,\"max\":0.3", "replaced", "0.3")]
    [InlineData("1", "1", "\"min\":9,\"max\":0", "out_of_range", "1")]
    public async Task A_sum_has_to_be_in_its_range(string before, string by, string range, string outcome, string after)
    {
        await _shard.WriteOneAsync(Put("x", $$"""{"n":{{before}}}"""));

        var answer = await _shard.WriteOneAsync(Increments("x", $$"""[{"path":["n"],"by":{{by}},{{range}}}]"""));

        Assert.Equal(outcome, answer.Outcome);
        AssertJson.Equal($$"""{"n":{{after}}}""", (await _shard.ReadAsync("x")).Doc);
    }

    [Fact]
    public async Task Of_several_steps_all_are_applied_in_their_order_or_none_and_the_message_names_the_one()
    {
        await _shard.WriteOneAsync(Put("x", """{"a":1,"t":"x"}"""));

        var good = await _shard.WriteOneAsync(Increments("x", """[{"path":["a"],"by":5},{"path":["b"],"by":1},{"path":["a"],"by":-6,"min":0}]"""));
        var beyond = await _shard.WriteOneAsync(Increments("x", """[{"path":["b"],"by":1},{"path":["a"],"by":-1,"min":0}]"""));
        var wrong = await _shard.WriteOneAsync(Increments("x", """[{"path":["b"],"by":1},{"path":["t"],"by":-1,"min":0}]"""));

        AssertJson.Equal("""{"a":0,"b":1,"t":"x"}""", good.Doc);
        Assert.Equal(("out_of_range", "increment 1: \"a\" would be below its min"), (beyond.Outcome, beyond.Detail));
        Assert.Equal(("invalid_patch", "increment 1: \"t\" is not a number"), (wrong.Outcome, wrong.Detail));
        AssertJson.Equal("""{"a":0,"b":1,"t":"x"}""", (await _shard.ReadAsync("x")).Doc);
    }

    [Fact]
    public async Task Random_increments_come_to_what_decimals_come_to()
    {
        var random = new Random(20261130);
        var model = new Dictionary<string, decimal>();
        for (var i = 0; i < 400; i++)
        {
            var steps = Enumerable.Range(0, random.Next(1, 5)).Select(_ => (
                Path: $"f{random.Next(4)}", By: random.Next(-500, 500) / 100m, Min: Limit(random, -4), Max: Limit(random, 4))).ToArray();

            var answer = await _shard.WriteOneAsync(Increments("x", "[" + string.Join(',', steps.Select(Text)) + "]"));

            var after = new Dictionary<string, decimal>(model);
            var isOut = false;
            foreach (var (path, by, min, max) in steps)
            {
                after[path] = after.GetValueOrDefault(path) + by;
                isOut |= after[path] < min || after[path] > max;
            }
            Assert.True((answer.Outcome == "out_of_range") == isOut, $"{answer.Outcome} of step {i}: {string.Join(' ', steps)} on {string.Join(' ', model)}");
            model = isOut ? model : after;
        }
        using var document = System.Text.Json.JsonDocument.Parse((await _shard.ReadAsync("x")).Doc!);
        Assert.Equal(
            model.OrderBy(field => field.Key, StringComparer.Ordinal),
            document.RootElement.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.GetDecimal()).OrderBy(field => field.Key, StringComparer.Ordinal));

        static decimal? Limit(Random random, int around) => random.Next(2) == 0 ? null : around + (random.Next(-300, 300) / 100m);

        static string Text((string Path, decimal By, decimal? Min, decimal? Max) step) => FormattableString.Invariant(
            $$"""{"path":["{{step.Path}}"],"by":{{step.By}}{{(step.Min is { } min ? FormattableString.Invariant($",\"min\":{min}") : "")}}{{(step.Max is { } max ? FormattableString.Invariant($",\"max\":{max}") : "")}}}""");
    }
}
