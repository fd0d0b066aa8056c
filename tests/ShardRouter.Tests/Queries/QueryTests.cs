using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

public sealed class QueryTests(RouterFixture fixture) : RouterTests(fixture)
{
    private Task<ApiReply> QueryAsync(string body, params (string Name, string Value)[] headers) => Api.PostAsync(Items.Address + ":query", body, headers);

    [Fact]
    public async Task A_query_says_which_shards_it_asked_and_why()
    {
        (await Items.PutAsync("fan", "i", """{"n":1}""")).Expect(201);

        var all = (await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":1}}}""", ("Prefer", "shard-route"))).Expect(200);
        var one = (await QueryAsync("""{"partition":"fan","filter":{"n":{"eq":1}},"count":"exact"}""")).Expect(200);

        Assert.Equal(["s1", "s2", "s3"], Shards(all));
        Assert.StartsWith("shards=s1,s2,s3;", all["Shard-Route"], StringComparison.Ordinal);
        Assert.Equal([Cluster.Ring.OwnerOf(ShardCore.Ring.SlotHash.Of("fan")).Id.Value], Shards(one));
        Assert.Equal(1, one.Json.GetProperty("count").GetInt32());
        Assert.Contains("partition", one.Json.GetProperty("fanOut").GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.True(one.Json.GetProperty("fanOut").GetProperty("complete").GetBoolean());
    }

    [Theory]
    [InlineData("""{"filter":{"n":{"eq":1}}}""")]
    [InlineData("""{"orderBy":[{"path":"n"}]}""")]
    [InlineData("""{"count":"exact"}""")]
    [InlineData("""{"id":{"prefix":"a"},"allowScan":false}""")]
    public async Task What_reads_every_item_has_to_be_allowed(string body) => (await QueryAsync(body)).ExpectProblem(400, "unindexed-query");

    [Fact]
    public async Task Counts_and_aggregates_have_to_be_allowed_too()
    {
        (await Api.PostAsync(Items.Address + ":count", "{}")).ExpectProblem(400, "unindexed-query");
        (await Api.PostAsync(Items.Address + ":aggregate", """{"aggregates":[{"op":"count"}]}""")).ExpectProblem(400, "unindexed-query");
        Assert.Equal(0, (await Api.PostAsync(Items.Address + ":count", """{"partition":"nobody"}""")).Expect(200).Json.GetProperty("count").GetInt32());
    }

    [Theory]
    [InlineData("""{"filter":{"n":1},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"eq":{}}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"like":"a"}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"gt":true}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"and":[]},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"in":[]}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"eq":"\u0000"}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"n":{"eq":"\ud800"}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"a..b":{"eq":1}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"filter":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"n":{"eq":1}}}}}}}}}},"allowScan":true}""", "invalid-filter")]
    [InlineData("""{"orderBy":[{"path":"a"},{"path":"b"},{"path":"c"},{"path":"d"}],"allowScan":true}""", "invalid-json")]
    [InlineData("""{"orderBy":[{"path":"a","dir":"up"}],"allowScan":true}""", "invalid-json")]
    [InlineData("""{"limit":0}""", "invalid-json")]
    [InlineData("""{"limit":1001}""", "invalid-json")]
    [InlineData("""{"count":"some"}""", "invalid-json")]
    [InlineData("""{"where":{}}""", "invalid-json")]
    [InlineData("""{"partition":""}""", "invalid-key")]
    [InlineData("""{"cursor":"AAAA"}""", "invalid-cursor")]
    [InlineData("[]", "invalid-json")]
    public async Task A_query_that_cannot_be_understood_is_refused(string body, string code) => (await QueryAsync(body)).ExpectProblem(400, code);

    [Fact]
    public async Task A_cursor_is_of_its_query()
    {
        await Pages.PutAllAsync(Items, "cursor", Enumerable.Range(0, 5).Select(i => ($"i{i}", $$"""{"n":{{i}}}""")));
        var next = (await QueryAsync("""{"allowScan":true,"orderBy":[{"path":"n"}],"limit":2}""")).Expect(200).Next()!;

        (await QueryAsync($$"""{"allowScan":true,"orderBy":[{"path":"n","dir":"desc"}],"limit":2,"cursor":"{{next}}"}""")).ExpectProblem(400, "invalid-cursor");
        Assert.Equal(["i2"], Ids(await QueryAsync($$"""{"allowScan":true,"orderBy":[{"path":"n"}],"limit":1,"cursor":"{{next}}"}""")));
    }

    [Fact]
    public async Task A_page_says_why_it_ends_and_the_last_one_has_no_cursor()
    {
        await Pages.PutAllAsync(Items, "ends", Enumerable.Range(0, 3).Select(i => ($"i{i}", "{}")));

        var first = (await QueryAsync("""{"partition":"ends","limit":2}""")).Expect(200);
        var last = (await QueryAsync($$"""{"partition":"ends","limit":2,"cursor":"{{first.Next()}}"}""")).Expect(200);

        Assert.Equal("limit", first.Json.GetProperty("stopReason").GetString());
        Assert.Equal(["i2"], Ids(last));
        Assert.False(last.Json.TryGetProperty("stopReason", out _));
    }

    [Fact]
    public async Task Expired_items_are_in_no_answer()
    {
        (await Items.PutAsync("ttl", "gone", """{"n":5}""", ("Item-TTL", "1"))).Expect(201);
        (await Items.PutAsync("ttl", "here", """{"n":5}""", ("Item-TTL", "1000"))).Expect(201);
        await Eventually.ThatAsync(async () => (await Items.GetAsync("ttl", "gone")).Status == 404, TimeSpan.FromSeconds(5), "the item has expired");

        var reply = await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":5}},"count":"exact"}""");
        Assert.Equal(["here"], Ids(reply));
        Assert.Equal(1, reply.Json.GetProperty("count").GetInt32());
        Assert.True(reply.Json.GetProperty("items")[0].TryGetProperty("expiresAt", out _));
    }

    [Fact]
    public async Task Large_documents_make_short_pages_that_miss_nothing()
    {
        var large = new string('x', 700_000);
        for (var i = 0; i < 12; i++)
            (await Items.PutAsync($"large-{i}", "i", $$"""{"n":{{i}},"t":"{{large}}"}""")).Expect(201);
        var (seen, reasons, cursor) = (new List<int>(), new HashSet<string?>(), (string?)null);
        do
        {
            var reply = (await QueryAsync($$"""{"allowScan":true,"orderBy":[{"path":"n"}]{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}""")).Expect(200);
            Assert.True(reply.Text.Length < 4.5 * 1024 * 1024);
            seen.AddRange(reply.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("doc").GetProperty("n").GetInt32()));
            reasons.Add(reply.Json.TryGetProperty("stopReason", out var reason) ? reason.GetString() : null);
            cursor = reply.Next();
        }
        while (cursor is not null);

        Assert.Equal(Enumerable.Range(0, 12), seen);
        Assert.Contains("bytes", reasons);
    }

    [Fact]
    public async Task Sums_are_exact_and_groups_are_in_the_wanted_order()
    {
        await Pages.PutAllAsync(Items, "sums", [("a", """{"c":"x","v":0.1}"""), ("b", """{"c":"x","v":0.2}"""), ("c", """{"c":"y","v":12345678901234567890}"""), ("d", """{"v":"no number"}""")]);
        await Pages.PutAllAsync(Items, "sums2", [("a", """{"c":"y","v":1}""")]);

        var reply = (await Api.PostAsync(Items.Address + ":aggregate", """
            {"allowScan":true,"groupBy":["c"],"aggregates":[{"op":"sum","path":"v"},{"op":"avg","path":"v"},{"op":"count"}],"orderBy":[{"path":"sum(v)","dir":"desc"}]}
            """)).Expect(200);

        JsonAssert.Equal(
            """[{"key":{"c":"y"},"sum(v)":12345678901234567891,"avg(v)":6172839450617283945.5,"count":2},{"key":{"c":"x"},"sum(v)":0.3,"avg(v)":0.15,"count":2},{"key":{"c":null},"sum(v)":null,"avg(v)":null,"count":1}]""",
            reply.Json.GetProperty("groups"));
    }

    /// <summary>A session that found no such collection a moment ago must not take it for missing still.</summary>
    [Fact]
    public async Task What_is_written_into_a_new_collection_is_found_by_whoever_asked_for_it_before_it_was_there()
    {
        for (var i = 0; i < 20; i++)
        {
            var late = new ApiCollection(Api, $"late-{Guid.NewGuid():N}");
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Api.PostAsync(late.Address + ":query", "{}")));
            (await Api.GetAsync(late.AddressOf("p"))).Expect(404);
            (await Api.PutAsync(late.Address, "{}")).Expect(201);
            (await late.PutAsync("p", "i", """{"n":1}""")).Expect(201);

            Assert.Equal(["i"], Ids(await Api.PostAsync(late.Address + ":query", "{}")));
            Assert.Equal(["i"], Ids(await Api.GetAsync(late.AddressOf("p"))));
            Assert.Equal(1, (await Api.PostAsync(late.Address + ":count", """{"allowScan":true}""")).Expect(200).Json.GetProperty("count").GetInt32());
        }
    }

    [Fact]
    public async Task A_collection_that_nobody_created_is_not_found()
    {
        (await Api.PostAsync("/v1/collections/nobody:query", "{}")).ExpectProblem(404, "collection-not-found");
        (await Api.PostAsync("/v1/collections/nobody:count", """{"allowScan":true}""")).ExpectProblem(404, "collection-not-found");
        (await Api.PostAsync("/v1/collections/nobody:aggregate", """{"allowScan":true,"groupBy":["a"],"aggregates":[{"op":"count"}]}""")).ExpectProblem(404, "collection-not-found");
    }

    private static string[] Ids(ApiReply reply) => [.. reply.Expect(200).Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!)];

    private static string[] Shards(ApiReply reply) =>
        [.. reply.Json.GetProperty("fanOut").GetProperty("shards").EnumerateArray().Select(shard => shard.GetString()!)];
}
