using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using ShardRouter.Collections;
using ShardRouter.Consistency;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Endpoints;

/// <summary>One item: GET, HEAD, PUT, PATCH, DELETE, and POST for one with an id made here.</summary>
internal sealed class ItemEndpoints(
    ItemReader reader, SessionReader sessionReader, ItemWriter writer, TokenCheck tokens, CollectionCatalog catalog, Answer answer)
{
    private const int MaxTtlSeconds = 10 * 366 * 24 * 3600;
    private const string Json = "application/json";

    public void Map(IEndpointRouteBuilder routes)
    {
        const string item = "/v1/collections/{collection}/items/{pk}/{id}";
        routes.MapMethods(item, ["GET", "HEAD"], Get);
        routes.MapPut(item, Put);
        routes.MapPatch(item, Patch);
        routes.MapDelete(item, Delete);
        routes.MapPost("/v1/collections/{collection}/items/{pk}", Post);
    }

    private async Task Get(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var key = KeyOf(context);
        var session = RequestSession.Of(context);
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var routed = session is null
            ? await reader.ReadAsync(key, deadline.Token)
            : await sessionReader.ReadAsync(key, session, deadline.Token);
        answer.Route(context, key.Slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: false));
        else if (routed.Value is null)
            await Answer.Problem(context, await WhyNotFoundAsync(key, session, deadline.Token));
        else if (ETag.IsHeldByClient(context.Request.Headers, routed.Value.Version))
            NotModified(context, routed.Value);
        else
            await Answer.Document(context, routed.Value);
    }

    private async Task Put(HttpContext context)
    {
        RequestBody.RequireMediaType(context, Json);
        var body = await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes);
        DocumentRules.Check(body);
        await WriteAsync(context, new WriteOperation(
            WriteKind.Put, KeyOf(context), body, ETag.Condition(context.Request.Headers), TtlOf(context), WantsDocument(context)));
    }

    private async Task Patch(HttpContext context)
    {
        var isMergePatch = RequestBody.RequireMediaType(context, "application/merge-patch+json", "application/json-patch+json") == 0;
        var body = await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes);
        DocumentRules.Check(body, allowArray: !isMergePatch);
        if (isMergePatch)
            MergePatchRules.Check(body);
        else
            JsonPatchRules.Check(body);
        await WriteAsync(context, new WriteOperation(
            isMergePatch ? WriteKind.MergePatch : WriteKind.JsonPatch, KeyOf(context), body, ETag.Condition(context.Request.Headers), TtlOf(context), WantsDocument(context)));
    }

    private Task Delete(HttpContext context) =>
        WriteAsync(context, new WriteOperation(WriteKind.Delete, KeyOf(context), Condition: ETag.Condition(context.Request.Headers)));

    private async Task Post(HttpContext context)
    {
        RequestBody.RequireMediaType(context, Json);
        var body = await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes);
        DocumentRules.Check(body);
        var target = ItemTarget.Of(context);
        var id = Guid.CreateVersion7().ToString();
        var partition = RawTarget.PathOf(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        await WriteAsync(
            context,
            new WriteOperation(WriteKind.Put, new ItemKey(target.Collection, target.PartitionKey, id), body, new WriteCondition(WriteConditionKind.Absent), TtlOf(context), WantsDocument(context)),
            location: $"{partition}/{id}"); // the partition as the client wrote it, so that the address is one it can use
    }

    private async Task WriteAsync(HttpContext context, WriteOperation operation, string? location = null)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var session = RequestSession.Of(context)?.ForWrites();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var routed = session is null ? await writer.WriteAsync(operation, deadline.Token)
            : await tokens.AreKnownAsync(session, [operation.Key.Slot], writes: true, deadline.Token)
                ? await writer.WriteAsync(operation with { Session = session }, deadline.Token)
            : Routed<WriteResult>.Failed(ShardFailure.Unavailable, default);
        answer.Route(context, operation.Key.Slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: true));
        else if (!routed.Value!.Succeeded)
            await Refused(context, routed.Value, operation.Key);
        else
            await Written(context, routed.Value, location);
    }

    private Task Refused(HttpContext context, WriteResult result, ItemKey key)
    {
        if (result.Outcome == WriteOutcome.NoCollection)
            catalog.Forget(key.Collection);
        return Answer.Problem(context, Problems.Of(result, key.Collection));
    }

    private static Task Written(HttpContext context, WriteResult result, string? location)
    {
        if (result.Outcome == WriteOutcome.Deleted)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }
        context.Response.StatusCode = result.Outcome == WriteOutcome.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK;
        Answer.Describe(context, result.Version!.Value, result.UpdatedAt, result.ExpiresAt);
        if (location is not null)
            context.Response.Headers.Location = location;
        if (result.Doc is not null)
        {
            context.Response.Headers["Preference-Applied"] = "return=representation";
            PayloadShare.Of(context).Take(result.Doc.Length); // it is written already
            return Answer.Json(context, result.Doc);
        }
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    private static void NotModified(HttpContext context, Item item)
    {
        context.Response.StatusCode = StatusCodes.Status304NotModified;
        Answer.Describe(context, item.Version, item.UpdatedAt, item.ExpiresAt);
    }

    /// <summary>What a standby has answered is an answer, also while the primary, which knows the collections, is away.</summary>
    private async Task<Problem> WhyNotFoundAsync(ItemKey key, RequestSession? session, CancellationToken deadline)
    {
        var exists = await catalog.ExistsAsync(key.Collection, key.Slot, deadline);
        return exists.Failure is { } failure && session?.WasReadFromStandby != true ? Problems.Of(failure, writes: false)
            : exists.Failure is not null || exists.Value ? Problems.ItemNotFound()
            : Problems.CollectionNotFound(key.Collection);
    }

    private static ItemKey KeyOf(HttpContext context)
    {
        var target = ItemTarget.Of(context);
        return new ItemKey(target.Collection, target.PartitionKey, target.Id!);
    }

    private static bool WantsDocument(HttpContext context) => Answer.Prefers(context, "return=representation");

    private static int? TtlOf(HttpContext context)
    {
        var text = context.Request.Headers["Item-TTL"];
        if (text.Count == 0)
            return null;
        return int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && IsTtl(seconds)
            ? seconds
            : throw new ProblemException(Problems.InvalidHeader("Item-TTL", $"Expected a whole number of seconds, 1 to {MaxTtlSeconds}."));
    }

    /// <summary>Whether an item may live so long.</summary>
    public static bool IsTtl(long seconds) => seconds is >= 1 and <= MaxTtlSeconds;
}
