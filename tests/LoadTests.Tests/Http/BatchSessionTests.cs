using System.Globalization;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Engine;
using LoadTests.Http;
using Workbench;

namespace LoadTests.Tests.Http;

public sealed class BatchSessionTests
{
    /// <summary>What the session of user 0 asks for first.</summary>
    private static int[] FirstItems
    {
        get
        {
            var random = new Random(0);
            return [.. Enumerable.Range(0, BatchSession.Keys).Select(_ => BenchItems.Random(random))];
        }
    }

    [Fact]
    public async Task It_asks_for_a_hundred_items_and_takes_their_documents_in_order()
    {
        await using var server = new ScriptedServer([Answer(200, FirstItems)]);
        await using var session = await OpenAsync(server);

        await session.StepAsync();

        var (head, body) = server.Requests[0].Split("\r\n\r\n") is [var first, var second] ? (first, second) : ("", "");
        Assert.StartsWith("POST /v1/collections/bench:batchGet HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $"\r\nContent-Length: {body.Length}"), head, StringComparison.Ordinal);
        string[] items = [.. FirstItems.Select(item => item.ToString(CultureInfo.InvariantCulture))];
        var keys = JsonDocument.Parse(body).RootElement.GetProperty("keys").EnumerateArray().ToArray();
        Assert.Equal(items, keys.Select(key => key.GetProperty("pk").GetString()));
        Assert.Equal(items, keys.Select(key => key.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task One_document_that_is_missing_or_of_another_item_or_too_many_is_a_wrong_answer()
    {
        int[] items = FirstItems;
        await RefusedAsync(Answer(200, items[..^1]));
        await RefusedAsync(Answer(200, [.. items, items[0]]));
        await RefusedAsync(Answer(200, [.. items[..50], items[51], items[50], .. items[52..]]));
        await RefusedAsync(Answer(207, items));
        await RefusedAsync(Answer(503, []));
    }

    private static async Task RefusedAsync(string answer)
    {
        await using var server = new ScriptedServer([answer]);
        await using var session = await OpenAsync(server);

        await Assert.ThrowsAsync<WrongAnswerException>(async () => await session.StepAsync());
    }

    private static ValueTask<ILoadSession> OpenAsync(ScriptedServer server) => BatchSession.Scenario("batch", server.Url).Open(0, TestContext.Current.CancellationToken);

    /// <summary>As the router writes it.</summary>
    private static string Answer(int status, int[] items)
    {
        var results = string.Join(',', items.Select(item => string.Create(
            CultureInfo.InvariantCulture, $"{{\"status\":200,\"pk\":\"{item}\",\"id\":\"{item}\",\"etag\":\"\\u00221\\u0022\",\"doc\":{BenchItems.DocumentOf(item)}}}")));
        var body = $"{{\"results\":[{results}]}}";
        return string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} X\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    }
}
