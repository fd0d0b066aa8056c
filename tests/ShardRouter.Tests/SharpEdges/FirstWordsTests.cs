using System.Text.Json;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>What a problem tells a person: what is wrong, and of which item.</summary>
public sealed class FirstWordsTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("If-None-Match", "*", true, "The item exists already")]
    [InlineData("If-None-Match", "{etag}", true, "The item still has this version")]
    [InlineData("If-Match", "\"1\"", true, "The item has another version")]
    [InlineData("If-Match", "\"1\"", false, "There is no such item")]
    [InlineData("If-Match", "*", false, "There is no such item")]
    public async Task A_condition_that_does_not_hold_says_what_there_is_instead(string header, string value, bool exists, string title)
    {
        var etag = exists ? (await Items.PutAsync("FR", "x", "{}")).ETag : "";
        var condition = value.Replace("{etag}", etag, StringComparison.Ordinal);
        var member = header == "If-Match" ? "ifMatch" : "ifNoneMatch";
        var operation = $$"""{"op":"put","id":"x","doc":{},"{{member}}":{{JsonSerializer.Serialize(condition)}},""";

        var put = await Items.PutAsync("FR", "x", "{}", (header, condition));
        var batch = await Items.BatchWriteAsync($$"""{"ops":[{{operation}}"pk":"FR"}]}""");
        var transaction = await Api.PostAsync("/v1:transact", $$"""{"pk":"FR","ops":[{{operation}}"collection":"{{Items.Name}}"}]}""");

        Assert.Equal(title, put.ExpectProblem(412, "precondition-failed").Json.GetProperty("title").GetString());
        Assert.Equal(title, batch.Expect(207).Json.GetProperty("results")[0].GetProperty("error").GetProperty("title").GetString());
        Assert.Equal(title, transaction.ExpectProblem(412, "precondition-failed").Json.GetProperty("title").GetString());
    }

    [Theory]
    [InlineData("""{"op":"check","collection":"{c}","id":"none"}""", 404)]
    [InlineData("""{"op":"put","collection":"{c}","id":"none","doc":{},"ifMatch":"*"}""", 412)]
    [InlineData("""{"op":"patch","collection":"{c}","id":"none","doc":[{"op":"remove","path":"/a"}],"ifNoneMatch":"*"}""", 422)]
    [InlineData("""{"op":"put","collection":"missing","id":"none","doc":{}}""", 404)]
    [InlineData("""{"op":"put","collection":"{c}","id":"none"}""", 400)]
    [InlineData("""{"op":"frobnicate","collection":"{c}","id":"none"}""", 400)]
    [InlineData("""{"op":"increment","collection":"{c}","id":"none","path":"n"}""", 400)]
    [InlineData("""{"op":"put","collection":"{c}","id":"none","doc":[]}""", 400)]
    [InlineData("""{"op":"put","collection":"{c}","id":"none","doc":{},"ttl":0}""", 400)]
    public async Task A_transaction_that_fails_names_the_item(string operation, int status)
    {
        var reply = await Api.PostAsync("/v1:transact", $$"""
            {"pk":"FR","ops":[{"op":"put","collection":"{{Items.Name}}","id":"x","doc":{} },{{operation.Replace("{c}", Items.Name, StringComparison.Ordinal)}}]}
            """);

        var problem = reply.Expect(status).Json;
        var collection = operation.Contains("missing", StringComparison.Ordinal) ? "missing" : Items.Name;
        JsonAssert.Equal($$"""{"collection":"{{collection}}","pk":"FR","id":"none"}""", problem.GetProperty("item"));
        Assert.StartsWith("/ops/1", problem.GetProperty("errors")[0].GetProperty("pointer").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"op":"put","pk":"FR","id":"bad"}""")]
    [InlineData("""{"op":"put","pk":"FR","id":"bad","doc":{"a":1,"a":2}}""")]
    [InlineData("""{"op":"put","pk":"FR","id":"bad","doc":{},"ifMatch":"x"}""")]
    [InlineData("""{"op":"check","pk":"FR","id":"bad"}""")]
    public async Task A_batch_that_is_refused_names_the_item(string operation)
    {
        var reply = await Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"DE","id":"good","doc":{} },{{operation}}]}""");

        JsonAssert.Equal($$"""{"collection":"{{Items.Name}}","pk":"FR","id":"bad"}""", reply.ExpectProblem(400, "invalid-json").Json.GetProperty("item"));
    }

    [Theory]
    [InlineData(":batchGet", "{}", "'keys' is missing")]
    [InlineData(":batchGet", """{"keys":5}""", "'keys' is not an array")]
    [InlineData(":batchGet", """{"items":[]}""", "'items' is not known here; expected only keys")]
    [InlineData(":batchGet", """{"keys":[{"id":"x"}]}""", "'pk' is missing")]
    [InlineData(":batchGet", """{"keys":[{"pk":"x"}]}""", "'id' is missing")]
    [InlineData(":batchGet", """{"keys":[{"pk":"x","id":5}]}""", "'id' is not a string")]
    [InlineData(":batchWrite", "{}", "'ops' is missing")]
    [InlineData(":batchWrite", """{"ops":[{"op":"put","id":"x","doc":{}}]}""", "'pk' is missing")]
    [InlineData(":batchWrite", """{"ops":[{"pk":"x","id":"x","doc":{}}]}""", "'op' is missing")]
    [InlineData("/v1:transact", """{"ops":[]}""", "'pk' is missing")]
    [InlineData("/v1:transact", """{"pk":"x","ops":[{"op":"check","id":"x"}]}""", "'collection' is missing")]
    [InlineData("/v1:locate", "{}", "'pk' is missing")]
    public async Task What_is_missing_in_a_body_is_named(string address, string body, string told) => Assert.Contains(
        told, (await Api.PostAsync(address[0] == ':' ? Items.Address + address : address, body)).ExpectProblem(400, "invalid-json").Json.GetProperty("detail").GetString(),
        StringComparison.Ordinal);
}
