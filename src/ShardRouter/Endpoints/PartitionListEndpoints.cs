using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Collections;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Partitions;
using ShardRouter.Refusals;

namespace ShardRouter.Endpoints;

/// <summary>The partitions of a collection, page by page: those that are for the caller.</summary>
internal sealed class PartitionListEndpoints(PartitionLister lister, CursorSecret cursorSecret, CollectionCatalog catalog)
{
    private const int EntryBytes = 64; // beside the key

    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/collections/{collection}/partitions", List).Needs(AccessScope.ItemsScan).WithMetadata(QueryParameters.AreRead);

    private async Task List(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var collection = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        RawTarget.CheckQuery(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var (prefix, limit, cursor) = PartitionListParser.Parse(context.Request.QueryString.Value);
        var searchLimit = RequestDeadline.ScanLimit(context);
        using var deadline = RequestDeadline.Begin(context, writes: false);

        var secret = await cursorSecret.GetAsync(default, deadline.Token);
        if (secret.Failure is { } noSecret)
        {
            await Answer.Problem(context, Problems.Of(noSecret, writes: false));
            return;
        }
        var from = cursor is null ? PartitionPosition.Start
            : PartitionCursor.Read(collection, prefix, cursor, secret.Value!) ?? throw new ProblemException(Problems.InvalidCursor());
        var routed = await lister.ReadAsync(
            collection, KeyRange.Of(prefix, Caller.Of(context)), from, limit, searchLimit, deadline.Token);
        Answer.Timing(context, "shard", startedAt);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: false));
        else if (routed.Value!.Partitions.Count == 0
            && await catalog.ExistsAsync(collection, new Slot(0), deadline.Token) is { Failure: null, Value: false })
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
        else
            await WriteAsync(context, collection, prefix, routed.Value, secret.Value!);
    }

    private static Task WriteAsync(HttpContext context, string collection, string prefix, PartitionsPage page, byte[] secret)
    {
        CountedPartition[] shown = [.. page.Partitions.Where(each => each.Items > 0)];
        return JsonStream.WriteArrayAsync(
            context, shown.Sum(each => (long)EntryBytes + each.Key.Length), "items", shown.Length,
            (json, i) =>
            {
                json.WriteStartObject();
                json.WriteString("pk", shown[i].Key);
                json.WriteNumber("items", shown[i].Items);
                json.WriteNumber("bytes", shown[i].Bytes);
                json.WriteEndObject();
            },
            json =>
            {
                if (page.Next is { } next)
                    json.WriteString("next", PartitionCursor.Write(collection, prefix, next, secret));
            });
    }
}
