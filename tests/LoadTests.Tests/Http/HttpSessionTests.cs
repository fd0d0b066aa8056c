using System.Globalization;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Engine;
using LoadTests.Http;
using Workbench;

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

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 21\r\n\r\n{\"code\":\"overloaded\"}", "503 overloaded")]
    [InlineData("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "502 without a code")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "wrong answer")]
    [InlineData("", "connection closed without an answer")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", "connection closed within an answer")]
    public async Task Failures_of_one_kind_have_one_name_and_the_next_step_connects_anew(string answer, string kind)
    {
        var random = new Random(0);
        _ = BenchItems.Random(random);
        var second = BenchItems.DocumentOf(BenchItems.Random(random));
        await using var server = new ScriptedServer([answer, ""], [Answer(second)]);
        await using var session = await OpenAsync(server, RequestMix.Gets);

        Assert.Equal(kind, (await Assert.ThrowsAsync<WrongAnswerException>(async () => await session.StepAsync())).Kind);
        if (answer.EndsWith('}') || answer.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            await Assert.ThrowsAsync<WrongAnswerException>(async () => await session.StepAsync()); // the server closed it meanwhile
        else
            await session.StepAsync();
    }

    [Fact]
    public async Task Churn_opens_a_connection_for_each_request()
    {
        var random = new Random(0);
        string[][] answers = [.. Enumerable.Range(0, 3).Select(_ => (string[])[Answer(BenchItems.DocumentOf(BenchItems.Random(random))), ""])];
        await using var server = new ScriptedServer(answers);
        await using var session = await HttpSession.Scenario("churn", server.Url, RequestMix.Gets, requestsPerConnection: 1).Open(0, TestContext.Current.CancellationToken);

        for (var i = 0; i < 3; i++)
            await session.StepAsync();

        Assert.Equal(3, server.Connections);
    }

    [Fact]
    public async Task An_item_of_one_partition_has_only_its_number_as_id()
    {
        var item = ItemSet.Hot.Choose(new Random(0));
        await using var server = new ScriptedServer([Answer(BenchItems.DocumentOf(item))]);
        await using var session = await OpenAsync(server, new RequestMix((new GetItem(ItemSet.Hot), 100)));

        await session.StepAsync();

        Assert.StartsWith($"GET /v1/collections/bench/items/hot/{item} HTTP/1.1\r\n", server.Requests[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(900)]
    public void A_large_document_is_json_of_its_size_and_fits_into_the_buffer(int kibibytes)
    {
        var items = kibibytes == 64 ? ItemSet.Large64KiB : ItemSet.Large900KiB;
        var buffer = new byte[items.RequestBytes];

        var text = System.Text.Encoding.ASCII.GetString(buffer, 0, new PutItem(items).Write(buffer, items.First));

        var body = text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        Assert.Contains($"\r\nContent-Length: {body.Length}\r\n", text, StringComparison.Ordinal);
        Assert.InRange(body.Length, kibibytes * 1024, (kibibytes * 1024) + 100);
        Assert.Equal(items.First, JsonDocument.Parse(body).RootElement.GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task A_list_follows_the_cursor_and_begins_anew_after_the_last_page()
    {
        await using var server = new ScriptedServer(
            [Answer("{\"items\":[{\"pk\":\"hot\"}],\"next\":\"AQ-b_cAB\"}")], [Answer("{\"items\":[{\"doc\":{\"next\":1}}]}")], [Answer("{\"items\":[],\"next\":null}")]);
        await using var session = await ListSession.Scenario("list", server.Url).Open(0, TestContext.Current.CancellationToken);

        for (var i = 0; i < 3; i++)
            await session.StepAsync();

        Assert.Equal(
            ["/v1/collections/bench/items/hot?limit=100", "/v1/collections/bench/items/hot?limit=100&cursor=AQ-b_cAB", "/v1/collections/bench/items/hot?limit=100"],
            server.Requests.Select(request => request.Split(' ')[1]));
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
