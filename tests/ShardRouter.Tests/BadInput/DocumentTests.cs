using TestCluster;

namespace ShardRouter.Tests.BadInput;

[Collection(BadInputTests.Name)]
public sealed class DocumentTests(BadInputCluster cluster)
{
    private const string Json = "application/json";

    public static TheoryData<string> All => [.. BadDocuments.Names];

    public static TheoryData<string> NotJson => [.. BadDocuments.NotJson.Keys];

    [Theory]
    [MemberData(nameof(All))]
    public async Task What_is_no_document_is_refused_as_an_item(string name)
    {
        await RefusedAsync("PUT", cluster.Items.AddressOf("p", "x"), BadDocuments.Named(name), Json);
        await RefusedAsync("POST", cluster.Items.AddressOf("p"), BadDocuments.Named(name), Json);
        await RefusedAsync("PATCH", cluster.Items.AddressOf("p", "x"), BadDocuments.Named(name), "application/merge-patch+json");
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task What_is_no_document_is_refused_inside_a_batch_and_a_transaction(string name)
    {
        // A good operation before it must not happen either.
        var ops = $$$"""[{"op":"put","pk":"p","id":"good","doc":{} },{"op":"put","pk":"p","id":"x","doc":{{{BadDocuments.Named(name)}}}}]""";

        await RefusedAsync("POST", cluster.Items.Address + ":batchWrite", $$"""{"ops":{{ops}}}""", Json);
        await RefusedAsync(
            "POST", "/v1:transact", $$"""{"pk":"p","ops":{{ops.Replace("\"op\":\"put\"", $"\"op\":\"put\",\"collection\":\"{cluster.Items.Name}\"", StringComparison.Ordinal)}}}""", Json);
    }

    [Theory]
    [MemberData(nameof(NotJson))]
    public async Task What_is_no_JSON_is_refused_as_a_JSON_patch_and_inside_one(string name)
    {
        await RefusedAsync("PATCH", cluster.Items.AddressOf("p", "x"), BadDocuments.Named(name), "application/json-patch+json");
        await RefusedAsync("PATCH", cluster.Items.AddressOf("p", "x"), $$"""[{"op":"add","path":"/a","value":{{BadDocuments.Named(name)}}}]""", "application/json-patch+json");
    }

    [Theory]
    [InlineData("truncated object", "Not valid JSON")]
    [InlineData("nothing", "empty")]
    [InlineData("nested 65 deep", "deeper than 64")]
    [InlineData("a name twice", "twice")]
    [InlineData("lone high surrogate", "surrogate")]
    [InlineData("escaped NUL", "u0000")]
    [InlineData("1e400", "400 digits")]
    [InlineData("no UTF-8", "UTF-8")]
    [InlineData("array", "object")]
    public async Task The_detail_says_what_is_wrong(string name, string detail)
    {
        var reply = await cluster.Router.Api.SendAsync("PUT", cluster.Items.AddressOf("p", "x"), BadDocuments.Bytes(BadDocuments.Named(name)), ("Content-Type", Json));

        Assert.Contains(detail, reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private Task<ApiReply> RefusedAsync(string method, string address, string body, string mediaType) => cluster.RefusesAsync(
        () => cluster.Router.Api.SendAsync(method, address, BadDocuments.Bytes(body), ("Content-Type", mediaType)), 400, "invalid-json");
}
