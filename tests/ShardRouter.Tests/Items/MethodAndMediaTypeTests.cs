using ShardRouter.Tests.Setup;

namespace ShardRouter.Tests.Items;

public sealed class MethodAndMediaTypeTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("POST", "{c}/items/FR/x", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("QUERY", "{c}/items/FR/x", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("OPTIONS", "{c}/items/FR/x", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("PUT", "{c}/items/FR", "DELETE, GET, POST")]
    [InlineData("PATCH", "{c}/items/FR", "DELETE, GET, POST")]
    [InlineData("POST", "{c}/items", "GET, QUERY")]
    [InlineData("QUERY", "{c}:query", "POST")]
    [InlineData("DELETE", "{c}/partitions", "GET")]
    [InlineData("GET", "{c}:batchGet", "POST")]
    [InlineData("PUT", "{c}:batchWrite", "POST")]
    [InlineData("GET", "/v1:transact", "POST")]
    [InlineData("DELETE", "/v1:locate", "POST")]
    [InlineData("POST", "/v1/collections", "GET")]
    [InlineData("POST", "/openapi/v1.json", "GET")]
    public async Task A_method_that_the_address_does_not_know_is_405_with_those_it_knows(string method, string address, string allow)
    {
        var reply = await Api.SendAsync(method, address.Replace("{c}", Items.Address, StringComparison.Ordinal), null);

        reply.ExpectProblem(405, "method-not-allowed");
        Assert.Equal(allow.Split(", "), reply["Allow"]!.Split(", ").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/v1")]
    [InlineData("/v2/collections")]
    [InlineData("/v1:other")]
    [InlineData("/v1/collections/cities/elsewhere")]
    [InlineData("/v1/collections/cities:search")]
    [InlineData("/health/ready")]
    [InlineData("/metrics")]
    [InlineData("//v1/collections")]
    public async Task An_address_that_is_none_is_404(string address) => (await Api.GetAsync(address)).ExpectProblem(404, "route-not-found");

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/merge-patch+json")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/*")]
    [InlineData("nonsense")]
    public async Task A_body_of_another_media_type_is_refused(string? mediaType)
    {
        (string, string)[] headers = mediaType is null ? [] : [("Content-Type", mediaType)];
        foreach (var (method, address) in new[]
        {
            ("PUT", Items.AddressOf("FR", "x")), ("POST", Items.AddressOf("FR")), ("POST", Items.Address + ":batchGet"),
            ("POST", Items.Address + ":batchWrite"), ("POST", "/v1:transact"), ("POST", "/v1:locate"), ("QUERY", Items.Address + "/items"),
        })
            (await Api.SendAsync(method, address, "{}"u8.ToArray(), headers)).ExpectProblem(415, "unsupported-media-type");
        (await Items.GetAsync("FR", "x")).Expect(404);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("Application/JSON; charset=UTF-8")]
    [InlineData("application/json;charset=\"utf-8\"")]
    public async Task JSON_may_say_that_it_is_UTF_8(string mediaType) =>
        (await Items.PutAsync("FR", "x", "{}", ("Content-Type", mediaType))).Expect(201);
}
