using TestCluster;

namespace EndToEnd.Tests;

/// <summary>What the proxy refuses before a router sees it, with deploy/haproxy.cfg as it is.</summary>
public sealed class ProxyRefusalTests(DevCluster cluster)
{
    private const string Item = "/v1/collections/things/items/p/refused";

    [Theory]
    [InlineData("00000000002")]
    [InlineData("10000000000")]
    [InlineData("99999999999")]
    [InlineData("9223372036854775807")]
    public async Task A_length_of_more_than_ten_digits_is_a_problem_and_ends_the_connection(string length)
    {
        using var connection = await SendAsync(length);

        var reply = await connection.ReadAsync() ?? throw new InvalidOperationException("It was closed without an answer.");

        reply.ExpectProblem(400, "bad-request");
        Assert.Equal("close", reply["Connection"]);
        Assert.Null(await connection.ReadAsync());
    }

    /// <summary>HAProxy answers these in words of its own.</summary>
    [Theory]
    [InlineData("+2")]
    [InlineData("-2")]
    [InlineData("-0")]
    [InlineData("0x2")]
    [InlineData("2 2")]
    [InlineData("2, 3")]
    [InlineData("")]
    [InlineData("9223372036854775808")]
    public async Task A_length_that_is_no_number_is_400_and_ends_the_connection(string length)
    {
        using var connection = await SendAsync(length);

        var reply = await connection.ReadAsync() ?? throw new InvalidOperationException("It was closed without an answer.");

        Assert.Equal("close", reply.Expect(400)["Connection"]);
        Assert.Null(await connection.ReadAsync());
    }

    [Theory]
    [InlineData("X-Name", "\u00e9")]
    [InlineData("User-Agent", "\u00c3\u00a9")]
    public async Task A_header_with_bytes_beyond_ASCII_goes_through(string name, string value) => (await RawConnection.ExchangeAsync(
        cluster.Proxy, $"GET {Item} HTTP/1.1\nHost: test\n{name}: {value}\nConnection: close")).ExpectProblem(404, "item-not-found");

    [Theory]
    [InlineData("GET", Item + "/", 404)]
    [InlineData("GET", "/V1/collections", 404)]
    [InlineData("GET", "/v1/./collections", 404)]
    [InlineData("GET", "/v1/collections/things/%69tems/p/refused", 404)]
    [InlineData("get", Item, 405)]
    public async Task An_address_that_is_almost_one_comes_to_the_router_as_it_was_sent(string method, string address, int status) =>
        (await RawConnection.ExchangeAsync(cluster.Proxy, $"{method} {address} HTTP/1.1\nHost: test\nConnection: close"))
            .ExpectProblem(status, status == 404 ? "route-not-found" : "method-not-allowed");

    private async Task<RawConnection> SendAsync(string length)
    {
        var connection = await RawConnection.OpenAsync(cluster.Proxy);
        const string next = $"GET {Item} HTTP/1.1\r\nHost: test\r\n\r\n";
        await connection.SendAsync(
            $"PUT {Item} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{}}" + next);
        return connection;
    }
}
