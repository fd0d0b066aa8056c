using TestCluster;

namespace ShardRouter.Tests.BadInput;

/// <summary>Requests that are no proper HTTP. {item} stands for the address of an item.</summary>
[Collection(BadInputTests.Name)]
public sealed class ProtocolTests(BadInputCluster cluster)
{
    private static readonly TimeSpan SlowLimit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 2\nTransfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked\nContent-Length: 2", "{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 2\nContent-Length: 3", "{} ", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: -1", "{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: two", "{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 99999999999999999999", "{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", "ffffffffffffffffff\r\n{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: chunked", "2\r\n{}xx0\r\n\r\n", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json\nTransfer-Encoding: identity", "{}", 400)]
    [InlineData("PUT {item} HTTP/1.1\nHost: test\nContent-Type: application/json", "{}", 400)]
    [InlineData("GET {item} HTTP/1.1", "", 400)]
    [InlineData("GET {item} HTTP/1.1\nHost: a\nHost: b", "", 400)]
    [InlineData("GET {item} HTTP/1.1\nHost: test\n folded: x", "", 400)]
    [InlineData("GET {item} HTTP/1.1\nHost: test\nno colon", "", 400)]
    [InlineData("GET {item} HTTP/1.1\nHost: test\nBad Name: x", "", 400)]
    [InlineData("GET {item} HTTP/3.0\nHost: test", "", 505)]
    [InlineData("GET {item}", "", 400)]
    [InlineData("G@T {item} HTTP/1.1\nHost: test", "", 400)]
    [InlineData("GET items HTTP/1.1\nHost: test", "", 405)]
    [InlineData("GET /a b HTTP/1.1\nHost: test", "", 400)]
    [InlineData("\u0016\u0003\u0001\u0002", "", 400)]
    public Task What_is_no_request_is_refused(string head, string body, int status) => cluster.RefusesAsync(
        () => RawConnection.ExchangeAsync(cluster.Router.Url, head.Replace("{item}", cluster.Items.AddressOf("p", "x"), StringComparison.Ordinal), body), status, code: null);

    [Theory]
    [InlineData("OPTIONS * HTTP/1.1\nHost: test\nConnection: close", 404)]
    [InlineData("BREW {item} HTTP/1.1\nHost: test\nConnection: close", 405)]
    [InlineData("GET /v1/../../etc/passwd HTTP/1.1\nHost: test\nConnection: close", 404)]
    [InlineData("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\nHost: test\nConnection: close", 404)]
    public Task What_is_a_request_for_nothing_is_refused_as_one(string head, int status) => cluster.RefusesAsync(
        () => RawConnection.ExchangeAsync(cluster.Router.Url, head.Replace("{item}", cluster.Items.AddressOf("p", "x"), StringComparison.Ordinal)),
        status, status == 404 ? "route-not-found" : "method-not-allowed");

    /// <summary>It could be a key, but not be repeated in a header: the item would stand, and its answer fail.</summary>
    [Theory]
    [InlineData('\u0001')]
    [InlineData('\u007f')]
    public Task A_raw_control_character_in_the_address_is_refused(char control) => cluster.RefusesAsync(
        () => RawConnection.ExchangeAsync(
            cluster.Router.Url, $"POST {cluster.Items.AddressOf("p")}{control}q HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 2", "{}"),
        400, "invalid-key");

    [Fact]
    public async Task Oversized_headers_are_431_and_an_oversized_address_is_414()
    {
        await cluster.RefusesAsync(() => cluster.Items.PutAsync("p", "x", "{}", ("X-Large", new string('x', 40_000))), 431, code: null);
        await cluster.RefusesAsync(() => RawConnection.ExchangeAsync(
            cluster.Router.Url, "GET / HTTP/1.1\nHost: test\n" + string.Join('\n', Enumerable.Range(0, 200).Select(i => $"X-{i}: x"))), 431, code: null);
        await cluster.RefusesAsync(() => cluster.Router.Api.GetAsync("/" + new string('x', 20_000)), 414, code: null);
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_408_and_disturbs_nobody()
    {
        var before = await cluster.ChecksumAsync();
        using var slow = await RawConnection.OpenAsync(cluster.Router.Url);
        await slow.SendAsync($"PUT {cluster.Items.AddressOf("p", "x")} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{");
        var answer = slow.ReadAsync();

        await cluster.IsWellAsync();
        var reply = await answer.WaitAsync(SlowLimit);

        (reply ?? throw new InvalidOperationException("It was closed without an answer.")).ExpectProblem(408, "request-timeout");
        Assert.Equal(before, await cluster.ChecksumAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_leaves_in_the_middle_of_its_body_changes_nothing(bool chunked)
    {
        var before = await cluster.ChecksumAsync();
        foreach (var head in new[] { $"PUT {cluster.Items.AddressOf("p", "x")}", $"POST {cluster.Items.Address}:batchWrite", "POST /v1:transact" })
        {
            using var client = await RawConnection.OpenAsync(cluster.Router.Url);
            var (length, body) = chunked ? ("Transfer-Encoding: chunked", "6\r\n{\"a\":1\r\n") : ("Content-Length: 1000", "{\"a\":1");
            await client.SendAsync($"{head} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{length}\r\n\r\n{body}");
            await Eventually.ThatAsync(async () => await InFlightAsync() == 1, SlowLimit, "the request is in flight");
            client.Reset();
            await Eventually.ThatAsync(async () => await InFlightAsync() == 0, SlowLimit, "nothing is in flight any more");
        }
        Assert.Equal(before, await cluster.ChecksumAsync());
        await cluster.IsWellAsync();
    }

    [Fact]
    public async Task A_body_shorter_than_announced_is_not_taken_for_whole()
    {
        var before = await cluster.ChecksumAsync();
        using var client = await RawConnection.OpenAsync(cluster.Router.Url);
        await client.SendAsync($"PUT {cluster.Items.AddressOf("p", "x")} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{{}}");
        client.EndSending();

        var reply = await client.ReadAsync();

        Assert.True(reply is null or { Status: 400 }, $"It answered {reply}.");
        Assert.Equal(before, await cluster.ChecksumAsync());
        await cluster.IsWellAsync();
    }

    private Task<double> InFlightAsync() => cluster.Router.MetricAsync("sharding_requests_in_flight");
}
