using System.Globalization;
using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Indexes;

/// <summary>Indexes by HTTP, and the queries that need one.</summary>
public sealed class IndexTests(RouterFixture fixture) : RouterTests(fixture)
{
    private Task<ApiReply> QueryAsync(string body) => Api.PostAsync(Items.Address + ":query", body);

    private static string? IndexOf(ApiReply reply) => reply.Json.GetProperty("fanOut").GetProperty("index").GetString();

    [Fact]
    public async Task An_index_of_a_collection_without_items_is_ready_at_once_and_is_told()
    {
        var made = (await Items.IndexAsync("by_total", """[{"path":"o.total","type":"number","dir":"desc"}]""")).Expect(200);
        var again = (await Items.IndexAsync("by_total", """[{"path":"o.total","type":"number","dir":"desc"}]""")).Expect(200);
        var told = (await Api.GetAsync(Items.Address + "/indexes/by_total")).Expect(200);
        var listed = (await Api.GetAsync(Items.Address + "/indexes")).Expect(200);

        JsonAssert.Equal("""[{"path":"o.total","type":"number","dir":"desc"}]""", told.Json.GetProperty("fields"));
        Assert.Equal(["ready", "ready", "ready"], new[] { made, again, told }.Select(each => each.Json.GetProperty("state").GetString()));
        Assert.Equal(1, told.Json.GetProperty("progress").GetDouble());
        Assert.Equal(["s1", "s2", "s3"], told.Json.GetProperty("shards").EnumerateArray().Select(each => each.GetProperty("shard").GetString()));
        Assert.Equal("by_total", Assert.Single(listed.Json.GetProperty("indexes").EnumerateArray()).GetProperty("name").GetString());
    }

    [Fact]
    public async Task An_index_of_a_collection_with_items_is_not_used_before_it_is_built()
    {
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 3).Select(i => ($"i{i}", $$"""{"n":{{i}}}""")));

        var made = (await Items.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(202);

        Assert.Equal(Items.Address + "/indexes/by_n", made["Location"]);
        Assert.Equal("building", made.Json.GetProperty("state").GetString());
        (await QueryAsync("""{"orderBy":[{"path":"n"}]}""")).ExpectProblem(400, "unindexed-query");
    }

    [Fact]
    public async Task A_dropped_index_is_gone_and_its_name_is_free()
    {
        (await Items.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(200);
        (await Api.SendAsync("DELETE", Items.Address + "/indexes/by_n", null)).Expect(204);

        (await Api.GetAsync(Items.Address + "/indexes/by_n")).ExpectProblem(404, "index-not-found");
        (await Api.SendAsync("DELETE", Items.Address + "/indexes/by_n", null)).ExpectProblem(404, "index-not-found");
        (await QueryAsync("""{"orderBy":[{"path":"n"}]}""")).ExpectProblem(400, "unindexed-query");
        (await Items.IndexAsync("by_n", """[{"path":"other"}]""")).Expect(200);
    }

    [Theory]
    [InlineData("by_n", """{"fields":[]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a"},{"path":"b"},{"path":"c"},{"path":"d"}]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a"},{"path":"/a"}]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a..b"}]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a","type":"date"}]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a","dir":"up"}]}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a"}],"unique":true}""", 400, "invalid-json")]
    [InlineData("by_n", """{"fields":[{"path":"a"}],"where":{}}""", 400, "invalid-json")]
    [InlineData("pkey", """{"fields":[{"path":"a"}]}""", 400, "invalid-parameter")]
    [InlineData("By_n", """{"fields":[{"path":"a"}]}""", 400, "invalid-parameter")]
    public async Task A_definition_that_cannot_be_understood_is_refused(string name, string body, int status, string code) =>
        (await Api.PutAsync($"{Items.Address}/indexes/{name}", body)).ExpectProblem(status, code);

    [Fact]
    public async Task Of_two_definitions_that_come_at_once_one_is_in_all_shards_and_nothing_is_left_of_the_other()
    {
        for (var round = 0; round < 20; round++)
        {
            var name = $"r{round}";
            var replies = await Task.WhenAll(Items.IndexAsync(name, """[{"path":"a"}]"""), Items.IndexAsync(name, """[{"path":"b"}]"""));

            Assert.Equal([200, 409], replies.Select(reply => reply.Status).Order());
            var fields = await Task.WhenAll(Cluster.Shards.Select(shard => shard.Database.ScalarAsync<string>(
                $"select fields #>> '{{0,path}}' from sharding.item_index where collection = '{Items.Name}' and name = '{name}'")));
            Assert.Single(fields.Distinct(StringComparer.Ordinal));
            await Api.SendAsync("DELETE", $"{Items.Address}/indexes/{name}", null);
        }
    }

    /// <summary>The owner executes what a router has defined.</summary>
    [Theory]
    [InlineData(", pk); create table public.evil (); --")]
    [InlineData("ASC")]
    [InlineData(null)]
    public async Task A_shard_takes_no_direction_but_up_and_down(string? direction)
    {
        var database = Cluster.Shards[0].Database;
        var fields = System.Text.Json.JsonSerializer.Serialize(new[] { new { path = "a", steps = new[] { "a" }, dir = direction } }).Replace("'", "''", StringComparison.Ordinal);

        var refused = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => database.ScalarAsync<string>($"select sharding.index_create('{Items.Name}', 'x', '{fields}', false, 'test', null)"));

        Assert.Equal(Npgsql.PostgresErrorCodes.CheckViolation, refused.SqlState);
        Assert.Equal("", await database.ScalarAsync<string>("select coalesce(to_regclass('public.evil')::text, '')"));
    }

    [Fact]
    public async Task Another_definition_of_the_same_name_is_refused_and_so_is_the_eleventh_index()
    {
        (await Items.IndexAsync("i0", """[{"path":"a"}]""")).Expect(200);
        (await Items.IndexAsync("i0", """[{"path":"a","dir":"desc"}]""")).ExpectProblem(409, "index-exists");
        (await Items.IndexAsync("i0", """[{"path":"a"}]""", unique: true)).ExpectProblem(409, "index-exists");
        for (var i = 1; i < 10; i++)
            (await Items.IndexAsync($"i{i}", """[{"path":"a"}]""")).Expect(200);
        (await Items.IndexAsync("i10", """[{"path":"a"}]""")).ExpectProblem(409, "too-many-indexes");
        (await Api.PutAsync("/v1/collections/nobody/indexes/i", """{"fields":[{"path":"a"}]}""")).ExpectProblem(404, "collection-not-found");
        (await Api.GetAsync("/v1/collections/nobody/indexes")).ExpectProblem(404, "collection-not-found");
    }

    [Fact]
    public async Task Queries_that_an_index_serves_need_no_permission_and_say_which_one()
    {
        (await Items.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(200);
        (await Items.IndexAsync("by_s_n", """[{"path":"s"},{"path":"n","dir":"desc"}]""")).Expect(200);
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 20).Select(i => ($"i{i:00}", $$"""{"n":{{i % 10}},"s":"{{(i < 10 ? "a" : "b")}}"}""")));

        Assert.Equal("by_n", IndexOf((await QueryAsync("""{"orderBy":[{"path":"n","dir":"desc"}]}""")).Expect(200)));
        Assert.Equal("by_n", IndexOf((await QueryAsync("""{"filter":{"n":{"gte":3}},"orderBy":[{"path":"n"}]}""")).Expect(200)));
        Assert.Equal("by_s_n", IndexOf((await QueryAsync("""{"filter":{"s":{"eq":"a"}},"orderBy":[{"path":"n","dir":"desc"}]}""")).Expect(200)));
        Assert.Equal("by_s_n", IndexOf((await QueryAsync("""{"filter":{"s":{"prefix":"a"},"other":{"exists":false}}}""")).Expect(200)));
        Assert.Equal(10, (await QueryAsync("""{"filter":{"s":{"in":["a","c"]}},"count":"exact"}""")).Expect(200).Json.GetProperty("count").GetInt32());
        Assert.Equal(4, (await Api.PostAsync(Items.Address + ":count", """{"filter":{"n":{"lt":2}}}""")).Expect(200).Json.GetProperty("count").GetInt32());
    }

    [Theory]
    [InlineData("""{"filter":{"x":{"eq":1}},"orderBy":[{"path":"n"}]}""")]
    [InlineData("""{"filter":{"or":[{"n":{"eq":1}},{"x":{"eq":1}}]}}""")]
    [InlineData("""{"filter":{"not":{"n":{"eq":1}}}}""")]
    [InlineData("""{"filter":{"n":{"exists":true}}}""")]
    [InlineData("""{"filter":{"n":{"in":[1,"a"]}}}""")]
    [InlineData("""{"filter":{"n":{"eq":1}},"orderBy":[{"path":"x"}]}""")]
    [InlineData("""{"orderBy":[{"path":"n"},{"path":"x"}]}""")]
    [InlineData("""{"orderBy":[{"path":"n"}],"count":"exact"}""")]
    [InlineData("""{"orderBy":[{"path":"n"}],"id":{"prefix":"a"}}""")]
    public async Task Queries_that_no_index_serves_still_need_it(string body)
    {
        (await Items.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(200);
        (await QueryAsync(body)).ExpectProblem(400, "unindexed-query");
    }

    [Fact]
    public async Task Pages_go_on_in_the_order_of_an_index_that_is_dropped_meanwhile()
    {
        (await Items.IndexAsync("by_n", """[{"path":"n","dir":"desc"}]""")).Expect(200);
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 9).Select(i => ($"i{i}", $$"""{"n":{{i}}}""")));
        var first = (await QueryAsync("""{"filter":{"n":{"gte":2} },"limit":3}""")).Expect(200);
        (await Api.SendAsync("DELETE", Items.Address + "/indexes/by_n", null)).Expect(204);

        (await QueryAsync($$"""{"filter":{"n":{"gte":2} },"cursor":"{{first.Next()}}"}""")).ExpectProblem(400, "unindexed-query");
        var rest = (await QueryAsync($$"""{"filter":{"n":{"gte":2} },"allowScan":true,"cursor":"{{first.Next()}}"}""")).Expect(200);

        Assert.Equal([8, 7, 6, 5, 4, 3, 2], new[] { first, rest }.SelectMany(Numbers));
    }

    /// <summary>Each page gives what it found within the time, and says so; together they give everything.</summary>
    [Fact]
    public async Task A_search_along_an_index_ends_when_its_time_is_over_and_goes_on_from_there()
    {
        (await Items.IndexAsync("by_n", """[{"path":"n"}]""")).Expect(200);
        for (var partition = 0; partition < 30; partition++)
            await Pages.PutAllAsync(Items, $"p{partition}", Enumerable.Range(0, 100).Select(i => (
                $"i{i}", $$"""{"n":{{i}},"t":"{{new string('x', 3000)}}","rare":{{(i % 25 == 0 ? "true" : "false")}} }""")));
        var (seen, reasons, cursor) = (new List<int>(), new List<string?>(), (string?)null);
        do
        {
            var reply = (await Api.PostAsync(
                Items.Address + ":query",
                $$"""{"filter":{"n":{"gte":0},"rare":{"eq":true},"t":{"contains":"xxx"} }{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}} }""",
                ("Request-Timeout", "1"))).Expect(200);
            seen.AddRange(Numbers(reply));
            reasons.Add(reply.Json.TryGetProperty("stopReason", out var reason) ? reason.GetString() : null);
            cursor = reply.Next();
        }
        while (cursor is not null);

        Assert.Equal(120, seen.Count);
        Assert.Equal(seen.Order(), seen);
    }

    private static IEnumerable<int> Numbers(ApiReply reply) =>
        reply.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("doc").GetProperty("n").GetInt32());
}
