using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Configuration;
using ShardRouter.Http;
using ShardRouter.Indexes;
using ShardRouter.Payload;
using ShardRouter.Queries;

namespace ShardRouter.Endpoints;

/// <summary>
/// Queries over one or all partitions of a collection: items in an order, their number, and what is computed over them. Every answer says
/// which shards were asked, and why these.
/// </summary>
internal sealed class QueryEndpoints(
    PageAnswer pages, CountReader counts, AggregateReader aggregates, IndexCatalog indexes, QueryRefusals refusals, QueryRoute route)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/collections/{collection}:query", Query).Needs(AccessScope.ItemsScan);
        routes.MapMethods("/v1/collections/{collection}/items", ["QUERY"], Query).Needs(AccessScope.ItemsScan);
        routes.MapPost("/v1/collections/{collection}:count", Count).Needs(AccessScope.ItemsScan);
        routes.MapPost("/v1/collections/{collection}:aggregate", Aggregate).Needs(AccessScope.ItemsScan);
    }

    private async Task Query(HttpContext context)
    {
        var (request, body) = await BeginAsync(context);
        using var parsed = body;
        var (query, allowsScan, identity, cursor) = QueryParser.Query(
            body.RootElement, request.Collection, Caller.Of(context).Partitions, RequestDeadline.ScanLimit(context));
        await pages.WriteAsync(context, request, query, allowsScan, QueryRequest.SlotsOf(query.Items), identity, cursor);
    }

    private async Task Count(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var (request, body) = await BeginAsync(context);
        using var parsed = body;
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var (items, kind, allowsScan) = QueryParser.Count(body.RootElement, request.Collection, Caller.Of(context).Partitions);
        if (!await refusals.MayAnswerAsync(context, request, deadline.Token))
            return;
        var index = kind == CountKind.Exact
            ? QueryPlanner.Plan(items, allowsScan, await indexes.ReadyAsync(items.Collection, items.PartitionKey, deadline.Token))
            : null;
        var counted = await counts.ReadAsync(
            items, index, kind, QueryRequest.SlotsOf(items), request.Before, request.IsPartial, PayloadShare.Of(context), deadline.Token);
        await SocketThreads.Leave();
        Answer.Timing(context, "shard", startedAt);
        if (await refusals.IsRefusedAsync(
            context, request.Collection, (counted.Failure, counted.FailedShard), counted.Count == 0, deadline.Token))
            return;
        request.Session?.Tell(context);
        route.Describe(context, counted.Shards);
        await JsonStream.WriteAsync(
            context, 0, json => json.WriteStartObject(), 1, (json, _) => PageAnswer.WriteCount(json, counted.Count, kind),
            json =>
            {
                QueryRoute.Write(json, items, index, counted.Shards, counted.Incomplete);
                json.WriteEndObject();
            });
    }

    private async Task Aggregate(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var (request, body) = await BeginAsync(context);
        using var parsed = body;
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var (query, allowsScan) = QueryParser.Aggregate(body.RootElement, request.Collection, Caller.Of(context).Partitions);
        if (!await refusals.MayAnswerAsync(context, request, deadline.Token))
            return;
        var ready = await indexes.ReadyAsync(query.Items.Collection, query.Items.PartitionKey, deadline.Token);
        query = query with { Index = QueryPlanner.Plan(query.Items, allowsScan, ready) };
        var told = await aggregates.ReadAsync(
            query, QueryRequest.SlotsOf(query.Items), request.Before, request.IsPartial, PayloadShare.Of(context), deadline.Token);
        await SocketThreads.Leave();
        Answer.Timing(context, "shard", startedAt);
        var isEmpty = told.Answers.All(each => each.Value.Count == 0 || IsNothing(query, each.Value));
        if (await refusals.IsRefusedAsync(context, request.Collection, (told.Failure, told.FailedShard), isEmpty, deadline.Token))
            return;
        request.Session?.Tell(context);
        var groups = AggregateReader.Merge(query, told.Answers.Select(each => each.Value));
        var shards = told.Answers.Select(each => each.Shard).Distinct().OrderBy(each => each.Value, StringComparer.Ordinal).ToList();
        route.Describe(context, shards);
        await JsonStream.WriteAsync(
            context, groups.Sum(group => 64L + group.Key.Concat(group.Results).Sum(each => each.Length)),
            json => json.WriteStartObject(), 1,
            (json, _) => WriteGroups(json, query, groups),
            json =>
            {
                QueryRoute.Write(json, query.Items, query.Index, shards, told.Incomplete);
                json.WriteEndObject();
            });
    }

    private static bool IsNothing(AggregateQuery query, IReadOnlyList<GroupPart> groups) =>
        query.GroupBy.Count == 0
        && groups.All(group => group.Values.All(value => value is { Number: null, Text: null, Count: null or 0 }));

    private static async Task<(QueryRequest Request, JsonDocument Body)> BeginAsync(HttpContext context)
    {
        var request = QueryRequest.Of(context);
        RequestBody.RequireMediaType(context, "application/json");
        return (request, BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes)));
    }

    private static void WriteGroups(Utf8JsonWriter json, AggregateQuery query, IReadOnlyList<(string[] Key, string[] Results)> groups)
    {
        json.WriteStartArray("groups");
        foreach (var (key, results) in groups)
        {
            json.WriteStartObject();
            json.WriteStartObject("key");
            for (var i = 0; i < key.Length; i++)
            {
                json.WritePropertyName(query.GroupBy[i].Text);
                json.WriteRawValue(key[i], skipInputValidation: true);
            }
            json.WriteEndObject();
            for (var i = 0; i < results.Length; i++)
            {
                json.WritePropertyName(query.Aggregates[i].Name);
                json.WriteRawValue(results[i], skipInputValidation: true);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
