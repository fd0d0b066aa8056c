using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Items;

/// <summary>If-Match and If-None-Match of writes. In the tables {etag} is the item's and {old} that of its version before.</summary>
public sealed class ConditionTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("If-None-Match", "*", 412)]
    [InlineData("If-None-Match", "{etag}", 412)]
    [InlineData("If-None-Match", "{old}, {etag}", 412)]
    [InlineData("If-None-Match", "{old}", 200)]
    [InlineData("If-None-Match", "\"foreign\"", 200)]
    [InlineData("If-Match", "*", 200)]
    [InlineData("If-Match", " * ", 200)]
    [InlineData("If-Match", "{etag}", 200)]
    [InlineData("If-Match", "{old},{etag}", 200)]
    [InlineData("If-Match", "\"foreign\" , {etag}", 200)]
    [InlineData("If-Match", "{old}", 412)]
    [InlineData("If-Match", "\"foreign\"", 412)]
    [InlineData("If-Match", "\"\"", 412)]
    [InlineData("If-Match", "\"99999999999999999999999\"", 412)]
    [InlineData("If-Match", "W/{etag}", 412)] // RFC 9110: a weak tag never matches strongly
    public async Task A_write_on_an_existing_item_happens_only_if_the_condition_holds(string header, string value, int statusOfPut)
    {
        foreach (var method in new[] { "PUT", "PATCH", "DELETE" })
        {
            var (old, etag) = await TwoVersionsAsync(method);
            var reply = await WriteAsync(method, method, header, value.Replace("{etag}", etag, StringComparison.Ordinal).Replace("{old}", old, StringComparison.Ordinal));

            if (statusOfPut == 200)
            {
                reply.Expect(method == "DELETE" ? 204 : 200);
                continue;
            }
            reply.ExpectProblem(412, "precondition-failed");
            Assert.Equal(etag, reply.Json.GetProperty("currentEtag").GetString());
            Assert.Equal(etag, reply.ETag);
            Assert.Equal(etag, (await Items.GetAsync("FR", method)).ETag);
        }
    }

    [Theory]
    [InlineData("If-None-Match", "*", 201)]
    [InlineData("If-None-Match", "\"1\"", 201)]
    [InlineData("If-Match", "*", 412)]
    [InlineData("If-Match", "\"1\"", 412)]
    public async Task A_PUT_of_a_new_item_happens_only_if_the_condition_holds(string header, string value, int status)
    {
        var reply = (await WriteAsync("PUT", "new", header, value)).Expect(status);

        (await Items.GetAsync("FR", "new")).Expect(status == 201 ? 200 : 404);
        if (status == 412)
            Assert.False(reply.ExpectProblem(412, "precondition-failed").Json.TryGetProperty("currentEtag", out _));
    }

    [Theory]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task What_changes_an_item_and_finds_none_fails_its_condition(string method)
    {
        (await WriteAsync(method, "none", "If-Match", "*")).ExpectProblem(412, "precondition-failed");
        (await WriteAsync(method, "none", "If-Match", "\"1\"")).ExpectProblem(412, "precondition-failed");
        (await WriteAsync(method, "none", "If-None-Match", "\"1\"")).ExpectProblem(404, "item-not-found");
    }

    /// <summary>The condition holds, and there is nothing to delete all the same.</summary>
    [Fact]
    public async Task A_DELETE_of_nothing_finds_nothing_though_nothing_was_required()
    {
        (await Items.DeleteAsync("FR", "none", ("If-None-Match", "*"))).ExpectProblem(404, "item-not-found");

        var batch = await Items.BatchWriteAsync("""{"ops":[{"op":"delete","pk":"FR","id":"none","ifNoneMatch":"*"}]}""");
        Assert.Equal(404, batch.Expect(207).Json.GetProperty("results")[0].GetProperty("status").GetInt32());

        var transaction = await Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{"op":"delete","collection":"{{Items.Name}}","id":"none","ifNoneMatch":"*"}]}""");
        Assert.Equal(0, transaction.ExpectProblem(404, "item-not-found").Json.GetProperty("failedOp").GetInt32());
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("\"abc")]
    [InlineData("abc\"")]
    [InlineData("\"")]
    [InlineData("\"a\"b\"")]
    [InlineData("\"1\" \"2\"")]
    [InlineData(",")]
    [InlineData("w/\"1\"")]
    [InlineData("*, \"1\"")]
    [InlineData("")]
    public async Task A_malformed_condition_is_refused_and_nothing_changes(string value)
    {
        var etag = (await Items.PutAsync("FR", "x", """{"a":1}""")).ETag;

        foreach (var header in new[] { "If-Match", "If-None-Match" })
            foreach (var method in new[] { "PUT", "PATCH", "DELETE" })
                (await WriteAsync(method, "x", header, value)).ExpectProblem(400, "invalid-header");
        if (value.Length > 0)
            (await Items.GetAsync("FR", "x", ("If-None-Match", value))).ExpectProblem(400, "invalid-header");

        Assert.Equal(etag, (await Items.GetAsync("FR", "x")).ETag);
    }

    [Fact]
    public async Task Twenty_entity_tags_are_read_and_one_more_is_refused()
    {
        var etag = (await Items.PutAsync("FR", "x", "{}")).ETag;
        var nineteen = string.Join(",", Enumerable.Range(1, 19).Select(i => $"\"{i}\""));

        (await WriteAsync("PUT", "x", "If-Match", $"{nineteen},{etag}")).Expect(200);
        (await WriteAsync("PUT", "x", "If-Match", $"{nineteen},{etag},\"20\"")).ExpectProblem(400, "invalid-header");
    }

    [Fact]
    public async Task Both_conditions_at_once_are_refused() =>
        (await Items.PutAsync("FR", "x", "{}", ("If-Match", "\"1\""), ("If-None-Match", "*"))).ExpectProblem(400, "invalid-header");

    [Fact]
    public async Task Of_many_that_create_one_item_exactly_one_wins()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Items.PutAsync("FR", "race", $$"""{"winner":{{i}}}""", ("If-None-Match", "*"))));

        var winner = Array.FindIndex(replies, reply => reply.Status == 201);
        Assert.All(replies, (reply, i) => reply.Expect(i == winner ? 201 : 412));
        Assert.Equal(winner, (await Items.GetAsync("FR", "race")).Json.GetProperty("winner").GetInt32());
    }

    [Fact]
    public async Task Of_many_that_replace_one_version_exactly_one_wins()
    {
        var etag = (await Items.PutAsync("FR", "race", "{}")).ETag;

        var replies = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Items.PutAsync("FR", "race", $$"""{"winner":{{i}}}""", ("If-Match", etag))));

        var winner = Assert.Single(replies, reply => reply.Status == 200);
        Assert.All(replies, reply => Assert.True(reply.Status == 200 || reply.Json.GetProperty("currentEtag").GetString() == winner.ETag));
    }

    private async Task<(string Old, string Current)> TwoVersionsAsync(string id) =>
        ((await Items.PutAsync("FR", id, "{}")).ETag, (await Items.PutAsync("FR", id, """{"a":1}""")).ETag);

    private Task<ApiReply> WriteAsync(string method, string id, string header, string value) => method switch
    {
        "PUT" => Items.PutAsync("FR", id, """{"a":2}""", (header, value)),
        "PATCH" => Items.MergePatchAsync("FR", id, """{"a":2}""", (header, value)),
        _ => Items.DeleteAsync("FR", id, (header, value)),
    };
}
