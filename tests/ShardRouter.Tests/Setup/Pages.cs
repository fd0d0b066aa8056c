using System.Text.Json;
using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>Reads lists page by page, as a client does.</summary>
internal static class Pages
{
    public static string[] Ids(this ApiReply reply) =>
        [.. reply.Expect(200).Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()!)];

    public static string? Next(this ApiReply reply) => reply.Json.TryGetProperty("next", out var next) ? next.GetString() : null;

    /// <returns>The pages up to the one without a next; fails when there are more than a test can mean.</returns>
    public static async Task<List<ApiReply>> AllAsync(ApiCollection items, string pk, string query)
    {
        var pages = new List<ApiReply>();
        string? cursor = null;
        do
        {
            pages.Add((await items.ListAsync(pk, query + (cursor is null ? "" : "&cursor=" + cursor))).Expect(200));
            cursor = pages[^1].Next();
            Assert.True(pages.Count < 1000, "The pages never end.");
        }
        while (cursor is not null);
        return pages;
    }

    public static async Task PutAllAsync(ApiCollection items, string pk, IEnumerable<(string Id, string Document)> documents)
    {
        foreach (var chunk in documents.Chunk(100))
        {
            var ops = chunk.Select(item => $$"""{"op":"put","pk":{{JsonSerializer.Serialize(pk)}},"id":{{JsonSerializer.Serialize(item.Id)}},"doc":{{item.Document}}}""");
            (await items.BatchWriteAsync($$"""{"ops":[{{string.Join(',', ops)}}]}""")).Expect(200);
        }
    }
}
