using System.Globalization;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Engine;
using LoadTests.Http;

namespace LoadTests.Tests.Http;

public sealed class HttpSessionTests
{
    private static readonly int FirstItem = BenchItems.Random(new Random(0));

    [Fact]
    public async Task A_get_asks_for_an_item_and_takes_its_document_in_parts_chunks_or_whole()
    {
        var random = new Random(0);
        var documents = Enumerable.Range(0, 3).Select(_ => BenchItems.DocumentOf(BenchItems.Random(random))).ToArray();
        await using var server = new ScriptedServer(
            [Answer(documents[0])],
            [Answer(documents[1])[..10], Answer(documents[1])[10..60], Answer(documents[1])[60..]],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + documents[2][..5], "\r\n", $"{documents[2].Length - 5:x}\r\n{documents[2][5..]}\r\n0\r\n\r\n"]);
        await using var session = await OpenAsync(server, RequestMix.Gets);

        for (var i = 0; i < 3; i++)
            await session.StepAsync();

        Assert.Equal($"GET /v1/collections/bench/items/{FirstItem}/{FirstItem} HTTP/1.1\r\nHost: bench\r\n\r\n", server.Requests[0]);
        Assert.Equal(3, server.Requests.Count);
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public async Task A_put_sends_the_document_with_its_length()
    {
        await using var server = new ScriptedServer([Answer("")]);
        await using var session = await OpenAsync(server, RequestMix.Puts);

        await session.StepAsync();

        var (head, body) = server.Requests[0].Split("\r\n\r\n") is [var first, var second] ? (first, second) : ("", "");
        Assert.StartsWith($"PUT /v1/collections/bench/items/{FirstItem}/{FirstItem} HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.Contains($"\r\nContent-Length: {body.Length}", head, StringComparison.Ordinal);
        Assert.Equal(FirstItem, JsonDocument.Parse(body).RootElement.GetProperty("n").GetInt32());
    }

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\n\r\n{\"code\":\"overloaded\"}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{\"n\": 999, \"name\": \"the item of somebody else\"}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le")]
    public async Task Any_other_answer_is_wrong(string answer)
    {
        await using var server = new ScriptedServer([answer, ""]);
        await using var session = await OpenAsync(server, RequestMix.Gets);

        var failure = await Assert.ThrowsAsync<WrongAnswerException>(async () => await session.StepAsync());

        if (answer.Contains("503", StringComparison.Ordinal))
            Assert.Equal($"GET of item {FirstItem} was answered with 503: {{\"code\":\"overloaded\"}}", failure.Message);
    }

    [Fact]
    public async Task A_connection_that_is_broken_off_is_no_answer()
    {
        await using var server = new ScriptedServer([""]);
        await using var session = await OpenAsync(server, RequestMix.Gets);

        await Assert.ThrowsAsync<WrongAnswerException>(async () => await session.StepAsync());
    }

    [Fact]
    public async Task After_connection_close_it_connects_anew_and_a_large_answer_fits()
    {
        var random = new Random(0);
        var first = BenchItems.DocumentOf(BenchItems.Random(random));
        var large = BenchItems.DocumentOf(BenchItems.Random(random)) + new string(' ', 100_000);
        await using var server = new ScriptedServer(
            [Answer(first).Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal), ""],
            [Answer(large)]);
        await using var session = await OpenAsync(server, RequestMix.Gets);

        await session.StepAsync();
        await session.StepAsync();

        Assert.Equal(2, server.Connections);
    }

    [Fact]
    public void A_mix_has_both_requests_in_its_proportion()
    {
        var random = new Random(1);
        var puts = Enumerable.Range(0, 10_000).Count(_ => RequestMix.Mixed.Next(random) is PutItem);

        Assert.InRange(puts, 1800, 2200);
    }

    private static ValueTask<ILoadSession> OpenAsync(ScriptedServer server, RequestMix mix) =>
        HttpSession.Scenario("test", server.Url, mix).Open(0, TestContext.Current.CancellationToken);

    private static string Answer(string body) => string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}");
}
