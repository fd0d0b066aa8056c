using System.Buffers.Text;
using System.Globalization;
using System.Text;
using LoadTests.Benches;
using Workbench;

namespace LoadTests.Http.Queries;

/// <summary>
/// The queries of the benches and loads. An index serves each of them. Answers are checked, so nobody may have changed a rank.
/// </summary>
internal static class RankedQueries
{
    public const int PageItems = 100;

    /// <summary>The page that must cost hardly more than the first.</summary>
    public const int LatePage = 1000;

    /// <summary>The largest request: a cursor has up to a few hundred bytes.</summary>
    public const int RequestBytes = HttpConnection.SmallRequest * 2;

    private const string ByRank = "\"orderBy\":[{\"path\":\"rank\"}]";
    private const string Computed =
        "\"aggregates\":[{\"op\":\"count\"},{\"op\":\"sum\",\"path\":\"rank\"},{\"op\":\"max\",\"path\":\"rank\"}]";

    private const int MostItems = 1000; // of one page, as the API allows

    /// <summary>The first page in the order of ranks.</summary>
    public static QueryRequest FirstPage(RankedItems items) => Page(items, before: 0, cursor: null);

    /// <summary>Reads up to page <see cref="LatePage"/> in large steps, and makes the request for this page.</summary>
    public static async Task<QueryRequest> LatePageAsync(Uri server, RankedItems items, CancellationToken cancellation)
    {
        const int before = (LatePage - 1) * PageItems;
        await using var connection = new HttpConnection(server, RequestBytes);
        string? cursor = null;
        for (var read = 0; read < before;)
        {
            cancellation.ThrowIfCancellationRequested();
            var request = Page(items, read, cursor, Math.Min(MostItems, before - read));
            request.Bytes.CopyTo(connection.Request, 0);
            var answer = await connection.ExchangeAsync(request.Bytes.Length);
            request.Check(answer);
            cursor = CursorOf(answer);
            read += Math.Min(MostItems, before - read);
        }
        return Page(items, before, cursor);
    }

    /// <summary>For each group its first page: a filter and an order, both by one index.</summary>
    public static IReadOnlyList<QueryRequest> GroupPages(RankedItems items) => OfEachGroup(group =>
    {
        var count = Math.Min(PageItems, items.CountOfGroup);
        return new QueryRequest(
            items, "query", $"{{{Filter(group)},{ByRank},\"limit\":{Text(PageItems)}}}", count, Pk(RankedItems.First + group),
            Pk(RankedItems.First + group + ((count - 1) * RankedItems.Groups)));
    });

    public static IReadOnlyList<QueryRequest> Counts(RankedItems items) => OfEachGroup(group =>
        new QueryRequest(items, "count", $"{{{Filter(group)}}}", documents: 0, $"\"count\":{Text(items.CountOfGroup)},"));

    public static IReadOnlyList<QueryRequest> Aggregates(RankedItems items) => OfEachGroup(group =>
    {
        var last = items.Last - RankedItems.Groups + 1 + group;
        return new QueryRequest(
            items, "aggregate", $"{{{Filter(group)},{Computed}}}", documents: 0,
            string.Create(
                CultureInfo.InvariantCulture,
                $"\"count\":{items.CountOfGroup},\"sum(rank)\":{items.SumOfGroup(group)},\"max(rank)\":{last}}}"));
    });

    private static QueryRequest Page(RankedItems items, int before, string? cursor, int count = PageItems) => new(
        items, "query", $"{{{ByRank},\"limit\":{Text(count)}{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}", count,
        Pk(RankedItems.First + before), Pk(RankedItems.First + before + count - 1));

    private static IReadOnlyList<QueryRequest> OfEachGroup(Func<int, QueryRequest> make) =>
        [.. Enumerable.Range(0, RankedItems.Groups).Select(make)];

    private static string Filter(int group) => $"\"filter\":{{\"group\":{{\"eq\":\"{RankedItems.GroupOf(group)}\"}}}}";

    private static string Pk(int item) => $"\"pk\":\"{Text(item)}\"";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Behind the items there is "next":"…". A cursor is base64url, so nothing in it is escaped.</summary>
    private static string CursorOf(in HttpAnswer answer)
    {
        var body = answer.Body.Span;
        var name = body.LastIndexOf("\"next\":\""u8);
        var value = name < 0 ? [] : body[(name + "\"next\":\"".Length)..];
        value = value[..Math.Max(0, value.IndexOf((byte)'"'))];
        return !value.IsEmpty && Base64Url.IsValid(value)
            ? Encoding.ASCII.GetString(value)
            : throw RequestText.Wrong("A page that is not the last, without a cursor,", answer);
    }
}
