using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Arithmetic;

/// <summary>Increments as a PATCH, in a batch and in a transaction: the same body, the same rules.</summary>
public sealed class IncrementTests(RouterFixture fixture) : RouterTests(fixture)
{
    private static readonly (string, string) Return = ("Prefer", "return=representation");

    public static TheoryData<string> Ways => ["patch", "batch", "transaction"];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_result_in_the_range_is_applied_and_returned(string way)
    {
        await Items.PutAsync("p", "x", """{"n":5}""");

        var reply = (await IncrementAsync(way, "x", """ "path":"n","by":-5,"min":0,"max":5 """)).Expect(200);

        JsonAssert.Equal("""{"n":0}""", DocumentOf(way, reply));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_result_out_of_the_range_is_a_conflict_and_nothing_is_applied(string way)
    {
        var before = (await Items.PutAsync("p", "x", """{"n":5,"m":1}""")).ETag;

        foreach (var (step, limit) in new[] { (""" "path":"n","by":-6,"min":0 """, "min"), (""" "path":"n","by":1,"max":5 """, "max"), (""" "path":"m","by":0.5,"min":2 """, "min") })
        {
            var problem = ProblemOf(way, await IncrementAsync(way, "x", step));

            Assert.Equal((409, "out-of-range"), (problem.GetProperty("status").GetInt32(), problem.GetProperty("code").GetString()));
            Assert.Contains(limit, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
            Assert.False(problem.GetProperty("retryable").GetBoolean());
        }
        Assert.Equal(before, (await Items.GetAsync("p", "x")).ETag);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Several_paths_are_changed_together_or_not_at_all(string way)
    {
        await Items.PutAsync("p", "x", """{"free":3,"taken":0}""");
        const string Take = """ "increments":[{"path":"free","by":-2,"min":0},{"path":"taken","by":2},{"path":"log.count","by":1}] """;

        (await IncrementAsync(way, "x", Take)).Expect(200);
        var problem = ProblemOf(way, await IncrementAsync(way, "x", Take));

        Assert.Equal("out-of-range", problem.GetProperty("code").GetString());
        JsonAssert.Equal("""{"free":1,"taken":2,"log":{"count":1}}""", (await Items.GetAsync("p", "x")).Text);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_missing_item_counts_as_empty_unless_it_must_exist(string way)
    {
        (await IncrementAsync(way, "new", """ "path":"n","by":2,"max":2 """)).Expect(way == "patch" ? 201 : 200);

        Assert.Equal("out-of-range", ProblemOf(way, await IncrementAsync(way, "none", """ "path":"n","by":-1,"min":0 """)).GetProperty("code").GetString());
        var refused = way == "patch"
            ? await Items.IncrementAsync("p", "none", """{"path":"n","by":1}""", ("If-Match", "*"))
            : await IncrementAsync(way, "none", """ "path":"n","by":1,"ifMatch":"*" """);
        Assert.Equal("precondition-failed", ProblemOf(way, refused).GetProperty("code").GetString());
        Assert.Equal(["new"], (await Items.ListAsync("p")).Ids());
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task A_field_that_is_no_number_is_an_invalid_patch(string way)
    {
        await Items.PutAsync("p", "x", """{"t":"5","o":{},"z":null,"a":[1]}""");

        foreach (var path in new[] { "t", "o", "z", "t.x", "a.0" })
            Assert.Equal("invalid-patch", ProblemOf(way, await IncrementAsync(way, "x", $""" "path":"{path}","by":1 """)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Without_return_no_document_comes_back_and_with_it_in_the_body_all_do()
    {
        await Items.PutAsync("p", "x", """{"n":1}""");
        var increment = $$"""{"op":"increment","collection":"{{Items.Name}}","id":"x","path":"n","by":1}""";
        var check = $$"""{"op":"check","collection":"{{Items.Name}}","id":"x"}""";
        var put = $$"""{"op":"put","collection":"{{Items.Name}}","id":"y","doc":{"a":1},"return":false}""";

        var quiet = (await Api.PostAsync("/v1:transact", $$"""{"pk":"p","ops":[{{increment}}]}""")).Expect(200);
        var told = (await Api.PostAsync("/v1:transact", $$"""{"pk":"p","return":true,"ops":[{{increment}},{{check}},{{put}},{{increment}}]}""")).Expect(200);

        Assert.False(quiet.Json.GetProperty("results")[0].TryGetProperty("doc", out _));
        var results = told.Json.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal([true, false, false, true], results.Select(result => result.TryGetProperty("doc", out _)));
        Assert.Equal([3, 4], new[] { results[0], results[3] }.Select(result => result.GetProperty("doc").GetProperty("n").GetInt32()));
    }

    [Fact]
    public async Task Documents_that_are_returned_fill_the_answer_only_up_to_its_limit_and_all_are_written()
    {
        var document = $$"""{"t":"{{new string('x', 600_000)}}"}""";
        foreach (var id in Enumerable.Range(0, 10))
            (await Items.PutAsync("p", $"i{id}", document)).Expect(201);

        var reply = (await Items.BatchWriteAsync($$"""{"return":true,"ops":[{{string.Join(',', Enumerable.Range(0, 10)
            .Select(id => $$"""{"op":"increment","pk":"p","id":"i{{id}}","path":"n","by":1}"""))}}]}""")).Expect(200);

        Assert.InRange(reply.Json.GetProperty("results").EnumerateArray().Count(result => result.TryGetProperty("doc", out _)), 1, 6);
        Assert.All((await Items.ListAsync("p", "select=n")).Json.GetProperty("items").EnumerateArray(), item => Assert.Equal(1, item.GetProperty("doc").GetProperty("n").GetInt32()));
    }

    [Theory]
    [InlineData("""{"path":"n"}""")]
    [InlineData("""{"path":"n","by":1,"op":"increment"}""")]
    [InlineData("""{"path":"n","by":1,"by":2}""")]
    [InlineData("""{"path":"n","by":1,"min":"0"}""")]
    [InlineData("""{"increments":[{"path":"n","by":1},{"path":"m"}]}""")]
    [InlineData("""[{"path":"n","by":1}]""")]
    [InlineData("")]
    public async Task A_body_of_another_shape_is_refused(string body) =>
        (await Items.IncrementAsync("p", "x", body)).ExpectProblem(400, "invalid-json");

    [Fact]
    public async Task An_increment_obeys_conditions_and_a_time_to_live()
    {
        var etag = (await Items.PutAsync("p", "x", """{"n":1}""")).ETag!;

        Assert.NotNull((await Items.IncrementAsync("p", "x", """{"path":"n","by":1}""", ("If-Match", etag), ("Item-TTL", "100"))).Expect(200)["Expires-At"]);
        (await Items.IncrementAsync("p", "x", """{"path":"n","by":1}""", ("If-Match", etag))).ExpectProblem(412, "precondition-failed");
        (await Items.IncrementAsync("p", "x", """{"path":"n","by":1}""", ("If-None-Match", "*"))).ExpectProblem(412, "precondition-failed");
    }

    [Fact]
    public async Task Many_paths_of_a_large_document_are_too_much_work()
    {
        await Items.PutAsync("p", "x", $$"""{"t":"{{new string('x', 900_000)}}"}""");

        var reply = await Items.IncrementAsync("p", "x", $$"""{"increments":[{{string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""{"path":"n{{i}}","by":1}"""))}}]}""");

        Assert.Contains("too much work", reply.ExpectProblem(422, "invalid-patch").Text, StringComparison.Ordinal);
    }

    private async Task<ApiReply> IncrementAsync(string way, string id, string members) => way switch
    {
        "patch" => await Items.IncrementAsync("p", id, "{" + members + "}", Return),
        "batch" => await Items.BatchWriteAsync($$"""{"ops":[{"op":"increment","pk":"p","id":"{{id}}","return":true,{{members}} }]}"""),
        _ => await Api.PostAsync(
            "/v1:transact", $$"""{"pk":"p","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"{{id}}","return":true,{{members}} }]}"""),
    };

    private static string DocumentOf(string way, ApiReply reply) =>
        way == "patch" ? reply.Text : reply.Json.GetProperty("results")[0].GetProperty("doc").GetRawText();

    private static System.Text.Json.JsonElement ProblemOf(string way, ApiReply reply) =>
        way == "batch" ? reply.Expect(207).Json.GetProperty("results")[0].GetProperty("error") : reply.Json;
}
