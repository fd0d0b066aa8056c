using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ShardCore.Ring;
using ShardRouter.Configuration;
using ShardRouter.Http;
using ShardRouter.Indexes;
using ShardRouter.Items;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Queries;
using ShardRouter.Refusals;

namespace ShardRouter.Endpoints;

/// <summary>
/// Answers a page of items over many shards: <c>{"items","next"?,"stopReason"?,"count"?,"countKind"?,"incomplete"?,"fanOut"}</c>.
/// </summary>
internal sealed class PageAnswer(
    QueryReader reader, CountReader counts, IndexCatalog indexes, CursorSecret cursorSecret, QueryRefusals refusals, QueryRoute route)
{
    /// <param name="context">The request.</param>
    /// <param name="request">What it says outside of the query.</param>
    /// <param name="query">The first page.</param>
    /// <param name="allowsScan">It is answered without an index too.</param>
    /// <param name="slots">The slots of its items.</param>
    /// <param name="identity">What its cursors are bound to.</param>
    /// <param name="cursor">That of a further page; null: it is the first one.</param>
    /// <exception cref="ProblemException">invalid-cursor, overloaded.</exception>
    public async Task WriteAsync(
        HttpContext context, QueryRequest request, ItemQuery query, bool allowsScan, SlotSet slots, IReadOnlyList<string> identity,
        string? cursor)
    {
        var startedAt = Stopwatch.GetTimestamp();
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var secret = await cursorSecret.GetAsync(default, deadline.Token);
        if (secret.Failure is { } noSecret)
        {
            await Answer.Problem(context, Problems.Of(noSecret, writes: false));
            return;
        }
        var after = cursor is null
            ? null
            : QueryCursor.Read(identity, cursor, secret.Value!) ?? throw new ProblemException(Problems.InvalidCursor());
        if (!await refusals.MayAnswerAsync(context, request, deadline.Token))
            return;
        var ready = await indexes.ReadyAsync(query.Items.Collection, query.Items.PartitionKey, deadline.Token);
        query = QueryPlanner.Plan(query, allowsScan, after, ready);
        var share = PayloadShare.Of(context);
        var page = await reader.ReadAsync(query, slots, request.Before, request.IsPartial, share, deadline.Token);
        var count = page.Failure is null && query.Count != CountKind.None && cursor is null // the first page tells it for all
            ? await counts.ReadAsync(query.Items, query.Index, query.Count, slots, request.Before, request.IsPartial, share, deadline.Token)
            : null;
        await SocketThreads.Leave();
        Answer.Timing(context, "shard", startedAt);
        var told = page.Failure is null && count is not null ? (count.Failure, count.FailedShard) : (page.Failure, page.FailedShard);
        if (await refusals.IsRefusedAsync(
            context, request.Collection, told, page.Rows.Count == 0 && page.ReadUpTo is null, deadline.Token))
            return;
        request.Session?.Tell(context);
        page = page with { Shards = Together(page.Shards, count?.Shards), Incomplete = Together(page.Incomplete, count?.Incomplete) };
        route.Describe(context, page.Shards);
        var next = page.ReadUpTo is { } last ? QueryCursor.Write(identity, last, query.Order, page.SlotsAtOnce, secret.Value!) : null;
        await WriteAsync(context, query, page, next, count);
    }

    private static IReadOnlyList<ShardId> Together(IReadOnlyList<ShardId> shards, IReadOnlyList<ShardId>? others) =>
        others is null ? shards : [.. shards.Union(others).OrderBy(each => each.Value, StringComparer.Ordinal)];

    private static Task WriteAsync(HttpContext context, ItemQuery query, QueryPage page, string? next, ItemCount? count) =>
        JsonStream.WriteArrayAsync(
            context, page.Rows.Sum(row => row.Bytes), "items", page.Rows.Count,
            (json, i) => ListEnvelope.WriteItem(
                json, page.Rows[i].Key.PartitionKey, page.Rows[i].Key.Id, page.Rows[i].Version, page.Rows[i].UpdatedAt,
                page.Rows[i].ExpiresAt, query.Select is { } select ? select.Apply(page.Rows[i].Doc) : page.Rows[i].Doc),
            json =>
            {
                if (next is not null)
                {
                    json.WriteString("next", next);
                    json.WriteString("stopReason", page.Stop.ToString().ToLower(CultureInfo.InvariantCulture));
                }
                if (count is not null)
                    WriteCount(json, count.Count, query.Count);
                QueryRoute.Write(json, query.Items, query.Index, page.Shards, page.Incomplete, isBySlot: query.IsScan && count is null);
            });

    /// <summary>Writes <c>"count"</c> and <c>"countKind"</c> into the object that is open.</summary>
    public static void WriteCount(Utf8JsonWriter json, long count, CountKind kind)
    {
        json.WriteNumber("count", count);
        json.WriteString("countKind", kind == CountKind.Exact ? "exact" : "estimated");
    }
}
