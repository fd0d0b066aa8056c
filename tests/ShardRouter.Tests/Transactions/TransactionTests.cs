using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Transactions;

public sealed class TransactionTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Fact]
    public async Task All_operations_are_applied_together_over_collections()
    {
        var other = await ApiCollection.CreateAsync(Api);
        var etag = (await Items.PutAsync("p", "checked", """{"n":1}""")).ETag;
        await Items.PutAsync("p", "patched", """{"n":1}""");
        await Items.PutAsync("p", "deleted", "{}");

        var reply = (await TransactAsync(
            $$"""{"op":"check","id":"checked","ifMatch":{{JsonSerializer.Serialize(etag)}}}""",
            """{"op":"put","id":"created","doc":{"a":1},"ifNoneMatch":"*","ttl":1000}""",
            """{"op":"patch","id":"patched","doc":{"m":2}}""",
            """{"op":"patch","id":"patched","doc":[{"op":"replace","path":"/n","value":5}]}""",
            """{"op":"delete","id":"deleted"}""",
            """{"op":"increment","id":"counter","path":"a.b","by":2.5}""",
            $$"""{"op":"put","collection":"{{other.Name}}","id":"x","doc":{"z":1} }""")).Expect(200);

        var results = reply.Json.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal([200, 201, 200, 200, 204, 201, 201], results.Select(result => result.GetProperty("status").GetInt32()));
        Assert.Equal(["checked", "created", "patched", "patched", "deleted", "counter", "x"], results.Select(result => result.GetProperty("id").GetString()));
        Assert.Equal(etag, results[0].GetProperty("etag").GetString());
        Assert.NotNull((await Items.GetAsync("p", "created")).Expect(200)["Expires-At"]);
        var patched = await Items.GetAsync("p", "patched");
        JsonAssert.Equal("""{"n":5,"m":2}""", patched.Text);
        Assert.Equal(patched.ETag, results[3].GetProperty("etag").GetString());
        (await Items.GetAsync("p", "deleted")).Expect(404);
        JsonAssert.Equal("""{"a":{"b":2.5}}""", (await Items.GetAsync("p", "counter")).Text);
        JsonAssert.Equal("""{"z":1}""", (await other.GetAsync("p", "x")).Text);
    }

    [Theory]
    [InlineData("""{"op":"check","id":"none"}""", 404, "item-not-found")]
    [InlineData("""{"op":"check","id":"here","ifMatch":"\"1\""}""", 412, "precondition-failed")]
    [InlineData("""{"op":"check","id":"here","ifNoneMatch":"*"}""", 412, "precondition-failed")]
    [InlineData("""{"op":"put","id":"here","doc":{},"ifNoneMatch":"*"}""", 412, "precondition-failed")]
    [InlineData("""{"op":"put","id":"none","doc":{},"ifMatch":"*"}""", 412, "precondition-failed")]
    [InlineData("""{"op":"patch","id":"none","doc":{}}""", 404, "item-not-found")]
    [InlineData("""{"op":"patch","id":"here","doc":[{"op":"test","path":"/n","value":2}]}""", 422, "invalid-patch")]
    [InlineData("""{"op":"delete","id":"none"}""", 404, "item-not-found")]
    [InlineData("""{"op":"increment","id":"text","path":"t","by":1}""", 422, "invalid-patch")]
    [InlineData("""{"op":"increment","id":"text","path":"t.x","by":1}""", 422, "invalid-patch")]
    [InlineData("""{"op":"put","collection":"missing","id":"x","doc":{}}""", 404, "collection-not-found")]
    public async Task One_failure_leaves_nothing_applied_and_is_named(string failing, int status, string code)
    {
        var before = (await Items.PutAsync("p", "here", """{"n":1}""")).ETag;
        await Items.PutAsync("p", "text", """{"t":"x"}""");
        await Items.PutAsync("p", "victim", "{}");

        var reply = await TransactAsync(
            """{"op":"put","id":"zz-created","doc":{}}""", """{"op":"patch","id":"here","doc":{"n":9}}""", """{"op":"patch","id":"here","doc":{"n":1}}""",
            """{"op":"delete","id":"victim"}""", failing, """{"op":"put","id":"aa-created","doc":{}}""");

        reply.ExpectProblem(status, code);
        Assert.Equal(4, reply.Json.GetProperty("failedOp").GetInt32());
        Assert.Equal(before, (await Items.GetAsync("p", "here")).ETag);
        Assert.Equal(["here", "text", "victim"], (await Items.ListAsync("p")).Ids());
    }

    [Fact]
    public async Task Of_several_failures_the_first_in_the_request_is_named()
    {
        // Visited in the order of their ids: the last one first.
        var reply = await TransactAsync("""{"op":"delete","id":"z"}""", """{"op":"check","id":"m"}""", """{"op":"delete","id":"a","ifMatch":"*"}""");

        Assert.Equal(0, reply.ExpectProblem(404, "item-not-found").Json.GetProperty("failedOp").GetInt32());
    }

    [Fact]
    public async Task Another_partition_key_in_an_operation_is_a_partition_mismatch()
    {
        var reply = await TransactAsync("""{"op":"put","pk":"p","id":"x","doc":{}}""", """{"op":"put","pk":"q","id":"x","doc":{}}""");

        Assert.Equal(1, reply.ExpectProblem(409, "partition-mismatch").Json.GetProperty("failedOp").GetInt32());
        Assert.Equal("/ops/1/pk", reply.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
        (await Items.GetAsync("p", "x")).Expect(404);
        (await TransactAsync("""{"op":"put","pk":"p","id":"x","doc":{}}""")).Expect(200);
    }

    [Theory]
    [InlineData("1", "n", "1", """{"n":2}""")]
    [InlineData("0.1", "n", "0.2", """{"n":0.3}""")]
    [InlineData("123456789012345678901234567890", "n", "1", """{"n":123456789012345678901234567891}""")]
    [InlineData("5", "n", "-7", """{"n":-2}""")]
    [InlineData("1", "n", "1e3", """{"n":1001}""")]
    [InlineData("1", "/a.b~1c", "4", """{"n":1,"a.b/c":4}""")]
    public async Task An_increment_computes_exactly(string start, string path, string by, string expected)
    {
        await Items.PutAsync("p", "x", $$"""{"n":{{start}}}""");

        (await TransactAsync($$"""{"op":"increment","id":"x","path":"{{path}}","by":{{by}} }""")).Expect(200);

        JsonAssert.Equal(expected, (await Items.GetAsync("p", "x")).Text);
    }

    [Fact]
    public async Task A_hundred_operations_are_allowed_and_one_more_is_not()
    {
        var ops = Enumerable.Range(0, 101).Select(i => $$"""{"op":"put","id":"i{{i}}","doc":{} }""").ToArray();

        (await TransactAsync(ops)).ExpectProblem(400, "invalid-json");
        (await TransactAsync(ops[..100])).Expect(200);

        Assert.Equal(100, (await Items.ListAsync("p", "limit=1000")).Ids().Length);
    }

    private Task<ApiReply> TransactAsync(params string[] operations) => Api.PostAsync(
        "/v1:transact",
        $$"""{"pk":"p","ops":[{{string.Join(',', operations.Select(op => op.Contains("\"collection\"", StringComparison.Ordinal) ? op : $$"""{"collection":"{{Items.Name}}",{{op[1..]}}"""))}}]}""");
}
