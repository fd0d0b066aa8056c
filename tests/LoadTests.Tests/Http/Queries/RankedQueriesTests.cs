using System.Globalization;
using System.Text.Json;
using LoadTests.Benches;
using LoadTests.Http.Queries;
using Workbench;

namespace LoadTests.Tests.Http.Queries;

public sealed class RankedQueriesTests
{
    private static readonly RankedItems Items = RankedItems.Default;

    [Fact]
    public async Task A_page_of_a_hundred_items_in_the_order_of_ranks_is_right()
    {
        var request = await SendAsync(RankedQueries.FirstPage(Items), PageOf(1_000_000, step: 1, count: 100));

        Assert.StartsWith("POST /v1/collections/ranked:query HTTP/1.1\r\n", request.Head, StringComparison.Ordinal);
        Assert.EndsWith(FormattableString.Invariant($"\r\nContent-Length: {request.Body.Length}"), request.Head, StringComparison.Ordinal);
        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal("rank", body.RootElement.GetProperty("orderBy")[0].GetProperty("path").GetString());
        Assert.Equal(100, body.RootElement.GetProperty("limit").GetInt32());
        Assert.False(body.RootElement.TryGetProperty("allowScan", out _));
    }

    [Fact]
    public async Task A_page_with_other_items_or_fewer_or_more_is_a_wrong_answer()
    {
        await RefusedAsync(RankedQueries.FirstPage(Items), PageOf(1_000_001, step: 1, count: 100));
        await RefusedAsync(RankedQueries.FirstPage(Items), PageOf(1_000_000, step: 1, count: 99));
        await RefusedAsync(RankedQueries.FirstPage(Items), PageOf(1_000_000, step: 1, count: 101));
        await RefusedAsync(RankedQueries.FirstPage(Items), PageOf(1_000_099, step: -1, count: 100));
        await RefusedAsync(RankedQueries.FirstPage(Items), "{}", status: 503);
    }

    [Fact]
    public async Task Page_1000_is_reached_in_steps_of_a_thousand_and_asked_for_by_its_cursor()
    {
        string[][] answers = [.. Enumerable.Range(0, 100).Select(step => new[]
        {
            Answer(200, PageOf(
                1_000_000 + (step * 1000), step: 1, count: step < 99 ? 1000 : 900, next: FormattableString.Invariant($"c{step:000}"))),
        })];
        await using var server = new ScriptedServer(answers);

        var late = await RankedQueries.LatePageAsync(server.Url, Items, TestContext.Current.CancellationToken);

        Assert.Equal(100, server.Requests.Count);
        Assert.DoesNotContain("cursor", server.Requests[0], StringComparison.Ordinal);
        Assert.Contains("\"limit\":1000,\"cursor\":\"c000\"", server.Requests[1], StringComparison.Ordinal);
        Assert.Contains("\"limit\":900,\"cursor\":\"c098\"", server.Requests[99], StringComparison.Ordinal);
        var request = await SendAsync(late, PageOf(1_099_900, step: 1, count: 100));
        Assert.Contains("\"limit\":100,\"cursor\":\"c099\"", request.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_that_is_not_the_last_has_a_cursor()
    {
        await using var server = new ScriptedServer([Answer(200, PageOf(1_000_000, step: 1, count: 1000))]);

        await Assert.ThrowsAsync<WrongAnswerException>(
            () => RankedQueries.LatePageAsync(server.Url, Items, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_group_has_every_hundredth_item()
    {
        var request = await SendAsync(RankedQueries.GroupPages(Items)[7], PageOf(1_000_007, step: 100, count: 100));

        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal("g07", body.RootElement.GetProperty("filter").GetProperty("group").GetProperty("eq").GetString());
        await RefusedAsync(RankedQueries.GroupPages(Items)[7], PageOf(1_000_008, step: 100, count: 100));
    }

    [Fact]
    public async Task A_small_group_is_one_page() =>
        await SendAsync(RankedQueries.GroupPages(Items with { Count = 1000 })[99], PageOf(1_000_099, step: 100, count: 10));

    [Fact]
    public async Task A_count_is_exact()
    {
        await SendAsync(RankedQueries.Counts(Items)[3], "{\"count\":2000,\"fanOut\":{}}");
        await RefusedAsync(RankedQueries.Counts(Items)[3], "{\"count\":20000,\"fanOut\":{}}");
        await RefusedAsync(RankedQueries.Counts(Items)[3], "{\"count\":1999,\"fanOut\":{}}");
    }

    [Fact]
    public async Task So_are_sum_and_maximum_of_a_group()
    {
        var items = Items with { Count = 300 };
        long[] ranks = [1_000_042, 1_000_142, 1_000_242];
        var right = FormattableString.Invariant(
            $$$"""{"groups":[{"key":{},"count":3,"sum(rank)":{{{ranks.Sum()}}},"max(rank)":{{{ranks.Max()}}}}],"fanOut":{}}""");

        await SendAsync(RankedQueries.Aggregates(items)[42], right);
        await RefusedAsync(RankedQueries.Aggregates(items)[41], right);
    }

    private static async Task RefusedAsync(QueryRequest query, string body, int status = 200) =>
        await Assert.ThrowsAsync<WrongAnswerException>(() => SendAsync(query, body, status));

    /// <returns>What the server got.</returns>
    private static async Task<(string Head, string Body)> SendAsync(QueryRequest query, string body, int status = 200)
    {
        await using var server = new ScriptedServer([Answer(status, body)]);
        await using var session = await QuerySession.Scenario("queries", server.Url, query).Open(0, TestContext.Current.CancellationToken);

        await session.StepAsync();

        return server.Requests[0].Split("\r\n\r\n") is [var head, var sent] ? (head, sent) : ("", "");
    }

    private static string PageOf(int first, int step, int count, string? next = null)
    {
        var items = string.Join(',', Enumerable.Range(0, count).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"pk\":\"{first + (i * step)}\",\"id\":\"{first + (i * step)}\",\"doc\":{{\"n\": 1}}}}")));
        return $"{{\"items\":[{items}]{(next is null ? "" : $",\"next\":\"{next}\",\"stopReason\":\"limit\"")},\"fanOut\":{{}}}}";
    }

    private static string Answer(int status, string body) =>
        string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} X\r\nContent-Length: {body.Length}\r\n\r\n{body}");
}
