using TestCluster;

namespace EndToEnd.Tests;

/// <summary>The proxy lets the method QUERY through as it is, with its body.</summary>
public sealed class QueryMethodTests(DevCluster cluster)
{
    private const string Collection = "/v1/collections/queried";

    [Fact]
    public async Task A_query_and_a_scan_go_through_the_proxy()
    {
        Assert.InRange((await SendAsync("PUT", Collection, "{}")).Status, 200, 201);
        for (var n = 0; n < 3; n++)
            Assert.InRange((await SendAsync("PUT", $"{Collection}/items/p/i{n}", $$"""{"n":{{n}}}""")).Status, 200, 201);
        const string body = """{"partition":"p","filter":{"n":{"gte":1}}}""";

        Assert.Equal(["i1", "i2"], Ids(await SendAsync("QUERY", Collection + "/items", body)));
        Assert.Equal(["i1", "i2"], Ids(await SendAsync("POST", Collection + ":query", body)));
        (await SendAsync("QUERY", Collection + "/items", """{"filter":{"n":{"gte":1}}}""")).ExpectProblem(400, "unindexed-query");
        Assert.Equal(["i0", "i1", "i2"], Ids(await SendAsync("GET", Collection + "/items?scope=all", "")));
    }

    private Task<ApiReply> SendAsync(string method, string address, string body) => RawConnection.ExchangeAsync(
        cluster.Proxy,
        $"{method} {address} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: {body.Length}\nConnection: close", body);

    private static string[] Ids(ApiReply reply) =>
        [.. reply.Expect(200).Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!)];
}
