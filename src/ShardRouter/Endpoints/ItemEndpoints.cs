using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Collections;
using ShardRouter.Consistency;
using ShardRouter.Documents;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Refusals;
using ShardRouter.Routing;

namespace ShardRouter.Endpoints;

/// <summary>One item: GET, HEAD, PUT, PATCH and DELETE. POST creates one with an id made here.</summary>
internal sealed class ItemEndpoints(
    ItemReader reader, SessionReader sessionReader, ItemWriter writer, CollectionCatalog catalog, Answer answer)
{
    private const string Json = "application/json";

    public void Map(IEndpointRouteBuilder routes)
    {
        const string item = "/v1/collections/{collection}/items/{pk}/{id}";
        routes.MapMethods(item, ["GET", "HEAD"], Get).Needs(AccessScope.ItemsRead, Outside.IsNotFound);
        routes.MapPut(item, Put).NeedsToWrite(Outside.IsRefused);
        routes.MapPatch(item, Patch).NeedsToWrite(Outside.IsNotFound);
        routes.MapDelete(item, Delete).Needs(AccessScope.ItemsWrite, Outside.IsNotFound);
        routes.MapPost("/v1/collections/{collection}/items/{pk}", Post).NeedsToWrite(Outside.IsRefused);
    }

    private async Task Get(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var key = KeyOf(context);
        var session = RequestSession.Of(context);
        if (RequestDeadline.OwnOf(context) is { } time && time <= reader.DelayOf(key.Slot))
            throw new ProblemException(Problems.TooLate(writes: false));
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
        WriteKind[] kinds = [WriteKind.MergePatch, WriteKind.JsonPatch, WriteKind.Increment];
        var kind = kinds[RequestBody.RequireMediaType(
            context, "application/merge-patch+json", "application/json-patch+json", IncrementParser.MediaType)];
        var body = await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes);
        if (kind == WriteKind.Increment)
            body = IncrementParser.Body(body);
        else
            DocumentRules.Check(body, allowArray: kind == WriteKind.JsonPatch);
        if (kind == WriteKind.MergePatch)
            MergePatchRules.Check(body);
        else if (kind == WriteKind.JsonPatch)
            JsonPatchRules.Check(body);
        await WriteAsync(context, new WriteOperation(
            kind, KeyOf(context), body, ETag.Condition(context.Request.Headers), TtlOf(context), WantsDocument(context)));
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
            location: $"{partition}/{id}"); // the partition as the client wrote it, so it can use the address
    }

    private async Task WriteAsync(HttpContext context, WriteOperation operation, string? location = null)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var session = RequestSession.Of(context)?.ForWrites();
        if (RequestDeadline.OwnOf(context) is { } time && time <= writer.DelayOf(operation.Key.Slot))
            throw new ProblemException(Problems.TooLate(writes: true));
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var routed = await writer.WriteAsync(session is null ? operation : operation with { Session = session }, deadline.Token);
        answer.Route(context, operation.Key.Slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: true));
        else if (!routed.Value!.Succeeded)
            await Refused(context, routed.Value, operation);
        else
            await Written(context, routed.Value, location);
    }

    private Task Refused(HttpContext context, WriteResult result, WriteOperation operation)
    {
        if (result.Outcome == WriteOutcome.NoCollection)
            catalog.Forget(operation.Key.Collection);
        return Answer.Problem(context, Problems.Of(result, operation.Key.Collection, operation.Condition.Kind));
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
            PayloadShare.Of(context).Take(result.Doc.Length); // the write is done already
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

    /// <summary>An answer of a standby counts also while the primary, which knows the collections, is away.</summary>
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

    private static bool WantsDocument(HttpContext context) => Preferences.Has(context.Request.Headers, "return", "representation");

    private static int? TtlOf(HttpContext context)
    {
        var text = context.Request.Headers["Item-TTL"];
        if (text.Count == 0)
            return null;
        return int.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && WriteOperation.IsTtl(seconds)
            ? seconds
            : throw new ProblemException(Problems.InvalidHeader(
                "Item-TTL", $"Expected a whole number of seconds, 1 to {WriteOperation.MaxTtlSeconds}."));
    }
}
