using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.SharpEdges;

/// <summary>Headers that clients and middle boxes write differently than most.</summary>
public sealed class HeaderEdgeTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData("99999999999")] // eleven digits
    [InlineData("00000000002")]
    [InlineData("10000000000")]
    [InlineData("999999999999999999")]
    [InlineData("9223372036854775807")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999999")]
    [InlineData("+2")]
    [InlineData("-2")]
    [InlineData("-0")]
    [InlineData("0x2")]
    [InlineData("2.0")]
    [InlineData("2e0")]
    [InlineData("2 2")]
    [InlineData("2,2")]
    [InlineData("")]
    public async Task A_length_that_nobody_means_is_400_and_ends_the_connection(string length)
    {
        foreach (var request in new[] { $"PUT {Items.AddressOf("FR", "x")}", $"GET {Items.AddressOf("FR", "x")}", "POST /v1:locate", "PUT /nowhere" })
        {
            using var connection = await RawConnection.OpenAsync(Router.Url);
            await connection.SendAsync($"{request} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{}}GET / HTTP/1.1\r\nHost: test\r\n\r\n");

            var reply = await connection.ReadAsync() ?? throw new InvalidOperationException("It was closed without an answer.");

            reply.Expect(400);
            Assert.Equal("close", reply["Connection"]);
            Assert.Null(await connection.ReadAsync());
        }
        (await Items.GetAsync("FR", "x")).Expect(404);
    }

    [Theory]
    [InlineData("2")]
    [InlineData("02")]
    [InlineData("0000000002")]
    [InlineData(" 2 ")]
    public async Task A_length_of_ten_digits_at_most_is_read(string length) => (await RawConnection.ExchangeAsync(
        Router.Url, $"PUT {Items.AddressOf("FR", "x")} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: {length}\nConnection: close", "{}")).Expect(201);

    [Fact]
    public async Task A_length_of_ten_digits_is_only_too_large() =>
        (await RawConnection.ExchangeAsync(
            Router.Url, $"PUT {Items.AddressOf("FR", "x")} HTTP/1.1\nHost: test\nContent-Type: application/json\nContent-Length: 9999999999\nConnection: close")).ExpectProblem(413, "too-large");

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    [InlineData("br")]
    [InlineData("zstd")]
    [InlineData("deflate")]
    [InlineData("identity, gzip")]
    [InlineData("gzip, identity")]
    [InlineData("utf-8")]
    [InlineData("\"identity\"")]
    public async Task An_encoded_body_is_415_and_says_what_would_be_accepted(string coding)
    {
        foreach (var (method, address, mediaType) in Bodies())
        {
            var reply = await Api.SendAsync(method, address, "{}"u8.ToArray(), ("Content-Type", mediaType), ("Content-Encoding", coding));
            Assert.Equal("identity", reply.ExpectProblem(415, "unsupported-media-type")["Accept-Encoding"]);
            Assert.Contains("Content-Encoding", reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        (await Items.GetAsync("FR", "x")).Expect(404);
    }

    [Theory]
    [InlineData("identity")]
    [InlineData("Identity")]
    [InlineData("identity, identity")]
    [InlineData("")]
    [InlineData(" , identity")]
    public async Task A_body_that_says_it_is_not_encoded_is_taken(string coding) =>
        (await Items.PutAsync("FR", "x", "{}", ("Content-Encoding", coding))).Expect(201);

    [Theory]
    [InlineData("X-Name", "\u00e9")] // é in Latin-1: no UTF-8
    [InlineData("X-Name", "\u00c3\u00a9")] // é in UTF-8
    [InlineData("X-Name", "\u0080\u00ff\u00fe")]
    [InlineData("User-Agent", "Caf\u00e9/1.0")]
    [InlineData("Cookie", "name=\u00ff")]
    [InlineData("Referer", "http://example/\u00e9")]
    [InlineData("Prefer", "note=\u00e9, shard-route")]
    [InlineData("If-None-Match", "\"\u00e9\"")]
    [InlineData("Request-Id", "\u00e9")]
    [InlineData("traceparent", "\u00e9")]
    public async Task A_header_with_bytes_beyond_ASCII_disturbs_nothing(string name, string value)
    {
        var head = $"HTTP/1.1\nHost: test\n{name}: {value}\nContent-Type: application/json\nContent-Length: 2\nConnection: close";

        (await RawConnection.ExchangeAsync(Router.Url, $"PUT {Items.AddressOf("FR", "x")} {head}", "{}")).Expect(201);
        (await RawConnection.ExchangeAsync(Router.Url, $"GET {Items.AddressOf("FR", "x")} {head}", "{}")).Expect(200);
    }

    private (string Method, string Address, string MediaType)[] Bodies() =>
    [
        ("PUT", Items.AddressOf("FR", "x"), ApiClient.Json), ("PATCH", Items.AddressOf("FR", "x"), "application/merge-patch+json"),
        ("PATCH", Items.AddressOf("FR", "x"), "application/json-patch+json"), ("POST", Items.AddressOf("FR"), ApiClient.Json),
        ("POST", Items.Address + ":batchGet", ApiClient.Json), ("POST", Items.Address + ":batchWrite", ApiClient.Json),
        ("POST", "/v1:transact", ApiClient.Json), ("POST", "/v1:locate", ApiClient.Json), ("PUT", Items.Address, ApiClient.Json),
    ];
}
