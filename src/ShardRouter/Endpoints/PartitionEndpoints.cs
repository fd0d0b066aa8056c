using System.Diagnostics;
using Microsoft.AspNetCore.Http.Features;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Collections;
using ShardRouter.Configuration;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Payload;
using ShardRouter.Refusals;

namespace ShardRouter.Endpoints;

/// <summary>The items of one partition, page by page.</summary>
internal sealed class PartitionEndpoints(PartitionReader reader, CursorSecret cursorSecret, CollectionCatalog catalog, Answer answer)
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/collections/{collection}/items/{pk}", List).Needs(AccessScope.ItemsRead).WithMetadata(QueryParameters.AreRead);

    private async Task List(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var target = ItemTarget.Of(context);
        var slot = SlotHash.Of(target.PartitionKey);
        RawTarget.CheckQuery(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var (query, cursor) = PartitionQueryParser.Parse(target, context.Request.QueryString.Value, RequestDeadline.ScanLimit(context));
        var session = RequestSession.Of(context);
        if (!Caller.Of(context).MayUsePartition(query.PartitionKey))
        {
            Answer.Timing(context, "router", startedAt);
            await WriteAsync(context, query, new PartitionPage([], null), []); // as if it had no items; there is no cursor to sign
            return;
        }
        if (RequestDeadline.OwnOf(context) is { } time && time <= reader.DelayOf(slot))
            throw new ProblemException(Problems.TooLate(writes: false));
        using var deadline = RequestDeadline.Begin(context, writes: false);

        var secret = await cursorSecret.GetAsync(slot, deadline.Token);
        if (secret.Failure is { } noSecret)
        {
            await Answer.Problem(context, Problems.Of(noSecret, writes: false));
            return;
        }
        if (cursor is not null)
            query = query with { After = CursorCodec.Read(query, cursor, secret.Value!) ?? throw new ProblemException(Problems.InvalidCursor()) };

        var routed = session is null
            ? await reader.ReadAsync(query, slot, PayloadShare.Of(context), deadline.Token)
            : await reader.ReadAsync(query, slot, session, RequestDeadline.ScanLimit(context), PayloadShare.Of(context), deadline.Token);
        await SocketThreads.Leave(); // up to 4 MiB of documents, of which fields may be selected
        answer.Route(context, slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: false));
        else if (routed.Value!.ReadUpTo is null && routed.Value.Rows.Count == 0 && await catalog.ExistsAsync(query.Collection, slot, deadline.Token) is { Failure: null, Value: false })
            await Answer.Problem(context, Problems.CollectionNotFound(query.Collection));
        else
            await WriteAsync(context, query, routed.Value, secret.Value!);
    }

    private static Task WriteAsync(HttpContext context, PartitionQuery query, PartitionPage page, byte[] secret) =>
        JsonStream.WriteArrayAsync(
            context, page.Rows.Sum(row => (long)row.Doc.Length), "items", page.Rows.Count,
            (json, i) => ListEnvelope.WriteItem(
                json, query.PartitionKey, page.Rows[i].Id, page.Rows[i].Version, page.Rows[i].UpdatedAt, page.Rows[i].ExpiresAt,
                query.Select is { } select ? select.Apply(page.Rows[i].Doc) : page.Rows[i].Doc),
            json =>
            {
                if (page.ReadUpTo is { } id)
                    json.WriteString("next", CursorCodec.Write(query, id, secret));
            });
}
