using System.Globalization;
using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Indexes;

/// <summary>A value that may be once in a partition.</summary>
public sealed class UniqueIndexTests(RouterFixture fixture) : RouterTests(fixture)
{
    private async Task MakeAsync() => (await Items.IndexAsync("one_mail", """[{"path":"mail"}]""", unique: true)).Expect(200);

    [Fact]
    public async Task A_second_item_with_the_value_is_refused_in_its_partition_and_only_there()
    {
        await MakeAsync();
        (await Items.PutAsync("p", "a", """{"mail":"x@y"}""")).Expect(201);

        var refused = (await Items.PutAsync("p", "b", """{"mail":"x@y"}""")).ExpectProblem(409, "unique-violation");
        Assert.Equal("one_mail", refused.Json.GetProperty("index").GetString());
        (await Items.GetAsync("p", "b")).Expect(404);
        (await Items.PutAsync("q", "b", """{"mail":"x@y"}""")).Expect(201);
        (await Items.PutAsync("p", "a", """{"mail":"x@y","again":true}""")).Expect(200);
        (await Items.PutAsync("p", "b", """{"mail":"z@y"}""")).Expect(201);
        (await Items.MergePatchAsync("p", "b", """{"mail":"x@y"}""")).ExpectProblem(409, "unique-violation");
        (await Items.DeleteAsync("p", "a")).Expect(204);
        (await Items.MergePatchAsync("p", "b", """{"mail":"x@y"}""")).Expect(200);
    }

    [Fact]
    public async Task What_has_no_value_is_not_compared_and_numbers_are_equal_in_any_spelling()
    {
        await MakeAsync();
        foreach (var (id, doc) in new[] { ("a", "{}"), ("b", "{}"), ("c", """{"mail":null}"""), ("d", """{"mail":null}"""), ("e", """{"mail":[1]}"""), ("f", """{"mail":[1]}"""), ("g", """{"mail":1}"""), ("h", """{"mail":"1"}""") })
            (await Items.PutAsync("p", id, doc)).Expect(201);
        (await Items.PutAsync("p", "i", """{"mail":1.0}""")).ExpectProblem(409, "unique-violation");
        var text = new string('ä', 300);
        (await Items.PutAsync("p", "j", $$"""{"mail":"{{text}}1"}""")).Expect(201);
        (await Items.PutAsync("p", "k", $$"""{"mail":"{{text}}2"}""")).Expect(201);
        (await Items.PutAsync("p", "l", $$"""{"mail":"{{text}}2"}""")).ExpectProblem(409, "unique-violation");
    }

    /// <summary>One statement would insert the first put of each key, so "a" and "b" would both have the value for a moment.</summary>
    [Theory]
    [InlineData("""{"op":"put","id":"a","doc":{"mail":"1"}}""", """{"op":"put","id":"a","doc":{"mail":"2"}}""", """{"op":"put","id":"b","doc":{"mail":"1"}}""")]
    [InlineData("""{"op":"put","id":"y","doc":{"mail":"9"}}""", """{"op":"delete","id":"y"}""", """{"op":"put","id":"x","doc":{"mail":"9"}}""")]
    public async Task In_a_transaction_a_value_may_go_from_one_item_to_another_in_the_order_of_the_operations(params string[] operations)
    {
        await MakeAsync();
        var named = operations.Select(operation => operation.Replace("{\"op\"", $"{{\"collection\":\"{Items.Name}\",\"op\"", StringComparison.Ordinal));

        (await Api.PostAsync("/v1:transact", $$"""{"pk":"p","ops":[{{string.Join(',', named)}}]}""")).Expect(200);

        Assert.Equal(operations[2].Contains("\"b\"", StringComparison.Ordinal) ? 2 : 1, (await Items.ListAsync("p")).Expect(200).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task In_a_batch_each_operation_has_its_own_answer()
    {
        await MakeAsync();
        (await Items.PutAsync("p", "a", """{"mail":"1"}""")).Expect(201);

        var reply = (await Api.PostAsync(Items.Address + ":batchWrite", """
            {"ops":[{"op":"put","pk":"p","id":"z","doc":{"mail":"3"}},{"op":"put","pk":"p","id":"b","doc":{"mail":"1"} },
                    {"op":"put","pk":"p","id":"c","doc":{"mail":"2"}},{"op":"put","pk":"p","id":"d","doc":{"mail":"2"}},{"op":"put","pk":"q","id":"b","doc":{"mail":"1"}}]}
            """)).Expect(207);

        Assert.Equal([201, 409, 201, 409, 201], reply.Json.GetProperty("results").EnumerateArray().Select(each => each.GetProperty("status").GetInt32()));
        (await Items.GetAsync("p", "d")).Expect(404);
        (await Items.GetAsync("p", "z")).Expect(200);
    }

    [Fact]
    public async Task A_transaction_is_refused_whole_and_says_at_which_operation()
    {
        await MakeAsync();
        (await Items.PutAsync("p", "a", """{"mail":"1"}""")).Expect(201);

        var reply = (await Api.PostAsync("/v1:transact", $$"""
            {"pk":"p","ops":[{"op":"put","collection":"{{Items.Name}}","id":"y","doc":{"mail":"5"} },{"op":"put","collection":"{{Items.Name}}","id":"x","doc":{"mail":"1"} },
                             {"op":"put","collection":"{{Items.Name}}","id":"w","doc":{"mail":"6"} }]}
            """)).ExpectProblem(409, "unique-violation");

        Assert.Equal(1, reply.Json.GetProperty("failedOp").GetInt32());
        Assert.Equal("one_mail", reply.Json.GetProperty("index").GetString());
        foreach (var id in new[] { "y", "x", "w" })
            (await Items.GetAsync("p", id)).Expect(404);
    }

    /// <summary>Forty at once, gathered with others: one gets the value, and nobody else is harmed.</summary>
    [Fact]
    public async Task Of_many_at_once_one_gets_the_value()
    {
        await MakeAsync();
        var rivals = Enumerable.Range(0, 40).Select(i => Items.PutAsync("p", $"i{i}", """{"mail":"wanted"}""")).ToArray();
        var others = Enumerable.Range(0, 40).Select(i => Items.PutAsync("p", $"o{i}", $$"""{"mail":"other-{{i}}"}""")).ToArray();

        Assert.Equal(1, (await Task.WhenAll(rivals)).Count(reply => reply.Status == 201));
        Assert.All(await Task.WhenAll(rivals), reply => Assert.True(reply.Status is 201 or 409, reply.ToString()));
        Assert.All(await Task.WhenAll(others), reply => reply.Expect(201));
    }

    [Fact]
    public async Task Keys_and_values_that_are_too_large_for_an_index_are_refused()
    {
        (await Items.IndexAsync("by_text", """[{"path":"a"},{"path":"b"},{"path":"c"}]""")).Expect(200);
        var random = new Random(1);
        string Noise() => string.Concat(Enumerable.Range(0, 256).Select(_ => char.ConvertFromUtf32(random.Next(0x20000, 0x2a000))));

        var refused = await Items.PutAsync("p", "i", $$"""{"a":"{{Noise()}}","b":"{{Noise()}}","c":"{{Noise()}}"}""");

        Assert.Equal("by_text", refused.ExpectProblem(413, "too-large").Json.GetProperty("index").GetString());
        (await Items.PutAsync("p", "i", $$"""{"a":"{{new string('x', 5000)}}","b":"b","c":"c"}""")).Expect(201);
    }
}
