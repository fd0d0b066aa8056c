using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>An address is a route only exactly as the contract writes it. In the tables {c} is the address of a collection that exists.</summary>
public sealed class AlmostRouteTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("{c}/items/FR/x/")] // a '/' too many
    [InlineData("{c}/items/FR/x//")]
    [InlineData("{c}/")]
    [InlineData("{c}:batchGet/")]
    [InlineData("/v1/collections/")]
    [InlineData("/v1:transact/")]
    [InlineData("/v1:locate/")]
    [InlineData("/openapi/v1.json/")]
    [InlineData("/{c}/items/FR/x")]
    [InlineData("/v1//collections")]
    [InlineData("/V1/collections")] // capitals
    [InlineData("/v1/Collections")]
    [InlineData("/V1/collections/{name}/items/FR/x")]
    [InlineData("/v1/COLLECTIONS/{name}/items/FR/x")]
    [InlineData("{c}/Items/FR/x")]
    [InlineData("{c}/ITEMS/FR")]
    [InlineData("{c}:BatchGet")]
    [InlineData("{c}:batchwrite")]
    [InlineData("/V1:transact")]
    [InlineData("/v1:Locate")]
    [InlineData("/OpenAPI/v1.json")]
    [InlineData("/v1/./collections")] // dots that a path resolves
    [InlineData("/v1/./collections/{name}/items/FR/x")]
    [InlineData("/v1/../v1/collections/{name}/items/FR/x")]
    [InlineData("{c}/./items/FR/x")]
    [InlineData("{c}/x/../items/FR/x")]
    [InlineData("/./v1:locate")]
    [InlineData("/v1/%2E/collections")]
    [InlineData("{c}/%69tems/FR/x")] // letters that are percent-encoded
    [InlineData("{c}/item%73/FR")]
    [InlineData("/%76%31/collections/{name}/items/FR/x")]
    [InlineData("/v1/collection%73")]
    [InlineData("/v1%3Alocate")]
    [InlineData("{c}:batch%47et")]
    [InlineData("/openapi%2Fv1.json")]
    [InlineData("{c}%2Fitems%2FFR%2Fx/y/z")]
    [InlineData("{c}/FR/x")] // a part is missing
    [InlineData("{c}/FR")]
    [InlineData("/collections/{name}/items/FR/x")]
    [InlineData("/v1/{name}/items/FR/x")]
    public async Task An_address_that_is_almost_one_is_404_whatever_the_method(string address)
    {
        (await Items.PutAsync("FR", "x", "{}")).Expect(201);
        foreach (var method in new[] { "GET", "PUT", "POST", "PATCH", "DELETE" })
            (await RawAsync(method, Fill(address))).ExpectProblem(404, "route-not-found");
    }

    [Theory]
    [InlineData("GET", "{c}/items/FR/x", 200)]
    [InlineData("GET", "{c}/items/FR", 200)]
    [InlineData("GET", "/v1/collections", 200)]
    [InlineData("GET", "{c}", 200)]
    [InlineData("GET", "/openapi/v1.json", 200)]
    [InlineData("GET", "http://test{c}/items/FR/x", 200)] // absolute form, as to a proxy
    [InlineData("GET", "http://test/v1/collections", 200)]
    [InlineData("GET", "http://test/V1/collections", 404)]
    public async Task The_exact_address_is_the_route(string method, string address, int status)
    {
        (await Items.PutAsync("FR", "x", "{}")).Expect(201);
        (await RawAsync(method, Fill(address))).Expect(status);
    }

    /// <summary>Whoever sees a 404 is told what is missing.</summary>
    [Theory]
    [InlineData("{c}/FR/x", "'items'")]
    [InlineData("{c}/FR", "'items'")]
    [InlineData("{c}/items/FR/x/", "end with '/'")]
    [InlineData("/V1/collections", "capital")]
    [InlineData("{c}/Items/FR/x", "'items'")]
    [InlineData("/v1/./collections", "'.'")]
    [InlineData("{c}/%69tems/FR/x", "percent-encoded")]
    [InlineData("/collections", "/v1")]
    [InlineData("{c}:search", ":batchGet")]
    [InlineData("/v1:transfer", "/v1:transact")]
    public async Task The_404_says_what_is_wrong_with_the_address(string address, string named) =>
        Assert.Contains(named, (await Api.GetAsync(Fill(address))).ExpectProblem(404, "route-not-found").Json.GetProperty("detail").GetString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("get")]
    [InlineData("Get")]
    [InlineData("head")]
    [InlineData("pUT")]
    [InlineData("query")]
    [InlineData("patch")]
    [InlineData("Delete")]
    [InlineData("post")]
    [InlineData("GETS")]
    public async Task A_method_is_known_only_in_capitals(string method)
    {
        var etag = (await Items.PutAsync("FR", "x", "{}")).ETag;
        foreach (var (address, allow) in new[]
        {
            (Items.AddressOf("FR", "x"), "DELETE, GET, HEAD, PATCH, PUT"), (Items.AddressOf("FR"), "DELETE, GET, POST"), (Items.Address, "GET, PUT"), (Items.Address + "/items", "GET, QUERY"),
            (Items.Address + ":batchGet", "POST"), ("/v1:transact", "POST"), ("/v1/collections", "GET"),
        })
        {
            var reply = (await RawAsync(method, address)).ExpectProblem(405, "method-not-allowed");
            Assert.Equal(allow.Split(", "), reply["Allow"]!.Split(", ").Order(StringComparer.Ordinal));
        }
        Assert.Equal(etag, (await Items.GetAsync("FR", "x")).ETag);
    }

    [Fact]
    public async Task Only_the_list_of_a_partition_takes_query_parameters()
    {
        var etag = (await Items.PutAsync("FR", "x", "{}")).ETag;
        var keys = """{"keys":[{"pk":"FR","id":"x"}]}""";
        foreach (var parameter in new[] { "a=1", "limit=1", "a", "=", "%FF", "a=1&b=2", "&a" })
            foreach (var reply in new[]
            {
                await Api.GetAsync(Items.AddressOf("FR", "x") + "?" + parameter),
                await Api.PutAsync(Items.AddressOf("FR", "x") + "?" + parameter, "{}"), await Api.SendAsync("DELETE", Items.AddressOf("FR", "x") + "?" + parameter, null),
                await Api.SendJsonAsync("PATCH", Items.AddressOf("FR", "x") + "?" + parameter, "{}", ("Content-Type", "application/merge-patch+json")),
                await Api.PostAsync(Items.AddressOf("FR") + "?" + parameter, "{}"), await Api.PostAsync(Items.Address + ":batchGet?" + parameter, keys),
                await Api.PostAsync(Items.Address + ":batchWrite?" + parameter, """{"ops":[{"op":"put","pk":"FR","id":"x","doc":{}}]}"""),
                await Api.PostAsync("/v1:transact?" + parameter, $$"""{"pk":"FR","ops":[{"op":"delete","collection":"{{Items.Name}}","id":"x"}]}"""),
                await Api.PostAsync("/v1:locate?" + parameter, """{"pk":"FR"}"""), await Api.GetAsync("/v1/collections?" + parameter),
                await Api.GetAsync(Items.Address + "?" + parameter), await Api.SendAsync("PUT", Items.Address + "?" + parameter, null),
                await Api.GetAsync("/openapi/v1.json?" + parameter), await Api.SendJsonAsync("QUERY", Items.Address + "/items?" + parameter, "{}"),
            })
                reply.ExpectProblem(400, "invalid-parameter");
        (await Items.ListAsync("FR", "limit=1")).Expect(200);
        (await Items.ListAsync("FR", "a=1")).ExpectProblem(400, "invalid-parameter");
        (await Api.GetAsync(Items.AddressOf("FR", "x") + "?")).Expect(200);
        (await Api.GetAsync("/v1/collections?")).Expect(200);
        (await Api.GetAsync("/nowhere?a=1")).ExpectProblem(404, "route-not-found");
        (await Api.SendAsync("DELETE", "/v1/collections?a=1", null)).ExpectProblem(405, "method-not-allowed");
        Assert.Equal(etag, (await Items.GetAsync("FR", "x")).ETag);
    }

    private string Fill(string address) => address
        .Replace("{c}", Items.Address, StringComparison.Ordinal).Replace("{name}", Items.Name, StringComparison.Ordinal);

    private Task<ApiReply> RawAsync(string method, string target) =>
        RawConnection.ExchangeAsync(Router.Url, $"{method} {target} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 2\nConnection: close", "{}");
}
