using TestCluster;

namespace ShardRouter.Tests.BadInput;

/// <summary>Bodies of batches and transactions that are JSON but not what is expected. LONG stands for a key of 1,025 bytes.</summary>
[Collection(BadInputTests.Name)]
public sealed class BatchShapeTests(BadInputCluster cluster)
{
    [Theory]
    [InlineData("[]", "invalid-json")]
    [InlineData("{}", "invalid-json")]
    [InlineData("null", "invalid-json")]
    [InlineData("""{"keys":null}""", "invalid-json")]
    [InlineData("""{"keys":{}}""", "invalid-json")]
    [InlineData("""{"keys":[]}""", "invalid-json")]
    [InlineData("""{"keys":[null]}""", "invalid-json")]
    [InlineData("""{"keys":["a"]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a"}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"id":"a"}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":1,"id":"a"}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":null}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":"b","x":1}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":"b"}],"x":1}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":"b","pk":"c"}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":"b"}],"keys":[]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"\ud800","id":"b"}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"a","id":"b","\ud800":1}]}""", "invalid-json")]
    [InlineData("""{"keys":[{"pk":"","id":"b"}]}""", "invalid-key")]
    [InlineData("""{"keys":[{"pk":"a","id":""}]}""", "invalid-key")]
    [InlineData("""{"keys":[{"pk":"a\u0000","id":"b"}]}""", "invalid-key")]
    [InlineData("""{"keys":[{"pk":"LONG","id":"b"}]}""", "invalid-key")]
    [InlineData("""{"keys":[{"pk":"a","id":"LONG"}]}""", "invalid-key")]
    public Task A_batchGet_of_another_shape_is_refused(string body, string code) => RefusedAsync(cluster.Items.Address + ":batchGet", body, code);

    [Theory]
    [InlineData("""[{"pk":"a","id":"b","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":"merge","pk":"a","id":"b","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":"PUT","pk":"a","id":"b","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":1,"pk":"a","id":"b","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":"check","pk":"a","id":"b"}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n"}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b"}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","path":"n","by":1}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n","by":1,"min":"0"}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n","by":1,"max":null}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n","by":1,"max":1e400}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n","by":1,"increments":[{"path":"n","by":1}]}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","increments":[]}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","increments":{"path":"n","by":1}}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","increments":[1]}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","increments":[{"path":"n","by":1,"if":2}]}]""", "invalid-json")]
    [InlineData("""[{"op":"increment","pk":"a","id":"b","path":"n","by":1,"return":1}]""", "invalid-json")]
    [InlineData("""[{"op":"patch","pk":"a","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","doc":{},"ifMatch":"*"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b"}]""", "invalid-json")]
    [InlineData("""[{"op":"patch","pk":"a","id":"b","doc":1}]""", "invalid-json")]
    [InlineData("""[{"op":"patch","pk":"a","id":"b","doc":[1]}]""", "invalid-patch")]
    [InlineData("""[{"op":"patch","pk":"a","id":"b","doc":[{"op":"add","path":"\ud800","value":1}]}]""", "invalid-json")]
    [InlineData("""[{"op":"delete","pk":"a","id":"b","doc":{}}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"collection":"c"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"if-match":"*"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ifMatch":5}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ifMatch":"5"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ifMatch":""}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ifMatch":"*","ifNoneMatch":"*"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":0}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":-5}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":1.5}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":"5"}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":2147483648}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":99999999999999999999}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"a","id":"b","doc":{},"ttl":null}]""", "invalid-json")]
    [InlineData("""[{"op":"put","pk":"LONG","id":"b","doc":{}}]""", "invalid-key")]
    public async Task A_batchWrite_with_one_bad_operation_is_refused_whole(string operations, string code)
    {
        var (status, ops) = (code == "invalid-patch" ? 422 : 400, operations[1..]);

        await RefusedAsync(cluster.Items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","pk":"a","id":"good","doc":{} },{{ops}} }""", code, status);
    }

    [Theory]
    [InlineData("""{"ops":[{"op":"check","collection":"c","id":"b"}]}""", "invalid-json")]
    [InlineData("""{"pk":"","ops":[{"op":"check","collection":"c","id":"b"}]}""", "invalid-key")]
    [InlineData("""{"pk":"a","ops":[]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"check","id":"b"}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"check","collection":"No Name","id":"b"}]}""", "invalid-key")]
    [InlineData("""{"pk":"a","ops":[{"op":"check","collection":"c","id":""}]}""", "invalid-key")]
    [InlineData("""{"pk":"a","ops":[{"op":"check","collection":"c","id":"b","doc":{}}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"","by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"a..b","by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"a\u0000","by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":["a"],"by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a","by":1}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"n"}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"n","by":"1"}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"n","by":1e400}]}""", "invalid-json")]
    [InlineData("""{"pk":"a","ops":[{"op":"increment","collection":"c","id":"b","path":"n","by":1}],"isolation":"none"}""", "invalid-json")]
    public Task A_transaction_of_another_shape_is_refused(string body, string code) =>
        RefusedAsync("/v1:transact", body.Replace("\"c\"", $"\"{cluster.Items.Name}\"", StringComparison.Ordinal), code);

    [Theory]
    [InlineData("{}", "invalid-json")]
    [InlineData("""{"pk":5}""", "invalid-json")]
    [InlineData("""{"pk":"a","id":"b"}""", "invalid-json")]
    [InlineData("""{"pk":""}""", "invalid-key")]
    [InlineData("""{"pk":"LONG"}""", "invalid-key")]
    [InlineData("""{"pk":"a\u0000b"}""", "invalid-key")]
    [InlineData("""{"pk":"\ud800"}""", "invalid-json")]
    public Task A_locate_of_another_shape_is_refused(string body, string code) => RefusedAsync("/v1:locate", body, code);

    [Fact]
    public async Task More_than_a_hundred_entries_are_refused()
    {
        string Repeat(string entry) => string.Join(',', Enumerable.Repeat(entry, 101));

        await RefusedAsync(cluster.Items.Address + ":batchGet", $$"""{"keys":[{{Repeat("""{"pk":"a","id":"b"}""")}}]}""", "invalid-json");
        await RefusedAsync(cluster.Items.Address + ":batchWrite", $$"""{"ops":[{{Repeat("""{"op":"put","pk":"a","id":"b","doc":{}}""")}}]}""", "invalid-json");
    }

    [Fact]
    public async Task The_problem_points_at_the_fault()
    {
        var reply = await RefusedAsync(cluster.Items.Address + ":batchWrite", """{"ops":[{"op":"delete","pk":"a","id":"b"},{"op":"put","pk":"a","id":"b","doc":[]}]}""", "invalid-json");

        Assert.Equal("/ops/1/doc", reply.Json.GetProperty("errors")[0].GetProperty("pointer").GetString());
    }

    [Theory]
    [InlineData("""{"changes":true}""")]
    [InlineData("[]")]
    [InlineData("{")]
    public Task A_collection_with_options_that_are_none_is_not_created(string options) => cluster.RefusesAsync(
        () => cluster.Router.Api.PutAsync("/v1/collections/never", options), 400, "invalid-json");

    private Task<ApiReply> RefusedAsync(string address, string body, string code, int status = 400) => cluster.RefusesAsync(
        () => cluster.Router.Api.PostAsync(address, body.Replace("LONG", new string('k', 1025), StringComparison.Ordinal)), status, code);
}
