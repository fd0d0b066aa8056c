using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Collections;
using ShardRouter.Configuration;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Keys;
using ShardRouter.Limits;
using ShardRouter.Outcomes;
using ShardRouter.Payload;
using ShardRouter.Refusals;
using ShardRouter.Routing;

namespace ShardRouter.Endpoints;

/// <summary>
/// Up to 100 keys or operations over any partitions in one request. Each is independent: a batch is not atomic. The status is 200 when
/// all succeeded, else 207 with the status of every operation.
/// </summary>
internal sealed class BatchEndpoints(
    ItemReader reader, SessionReader sessionReader, ItemWriter writer, CollectionCatalog catalog, RequestLimits limits)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/collections/{collection}:batchGet", Get).Needs(AccessScope.ItemsRead);
        routes.MapPost("/v1/collections/{collection}:batchWrite", Write).Needs(AccessScope.ItemsWrite);
    }

    private async Task Get(HttpContext context)
    {
        var collection = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxBatchBytes));
        var keys = BatchParser.Keys(body.RootElement, collection);
        var session = RequestSession.Of(context);
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var startedAt = Stopwatch.GetTimestamp();
        var asked = Allowed.Of(keys, key => key.PartitionKey, Caller.Of(context));
        limits.RequireRest(Caller.Of(context), asked.Entries, key => key.PartitionKey);
        var answers = asked.Spread(
            asked.IsNothing ? []
            : session is null ? await reader.ReadAsync(asked.Entries, PayloadShare.Of(context), deadline.Token)
            : await sessionReader.ReadAsync(asked.Entries, session, PayloadShare.Of(context), deadline.Token),
            _ => Routed<Item?>.Answer(null, default));
        await SocketThreads.Leave(); // up to 100 MiB of documents
        Answer.Timing(context, "shard", startedAt);
        session?.Tell(context);
        if (!asked.IsNothing && Array.TrueForAll(answers, answer => answer is { Failure: null, Value: null })
            && await catalog.ExistsAsync(collection, asked.Entries[0].Slot, deadline.Token) is { Failure: null, Value: false })
        {
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
            return;
        }
        await Respond(
            context, answers.Length, answers.Sum(answer => (long)(answer.Value?.Doc.Length ?? 0)),
            Array.TrueForAll(answers, answer => ProblemOf(answer) is null), (json, i) => WriteRead(json, keys[i], answers[i]));
    }

    private async Task Write(HttpContext context)
    {
        var collection = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxBatchBytes));
        var operations = BatchParser.Operations(body.RootElement, collection);
        if (operations.Exists(operation => operation.ReturnDoc) && !Caller.Of(context).HasAll(AccessScope.ItemsRead))
            throw new ProblemException(Problems.InsufficientScope(AccessScope.ItemsRead, isAnyEnough: false));
        var session = RequestSession.Of(context)?.ForWrites();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var startedAt = Stopwatch.GetTimestamp();
        var asked = Allowed.Of(operations, operation => operation.Key.PartitionKey, Caller.Of(context));
        limits.RequireRest(Caller.Of(context), asked.Entries, operation => operation.Key.PartitionKey);
        Routed<WriteResult>[] written = asked.IsNothing ? [] : await writer.WriteAsync(
            session is null ? asked.Entries : [.. asked.Entries.Select(each => each with { Session = session })], deadline.Token);
        Answer.Timing(context, "shard", startedAt);
        session?.Tell(context);
        if (!asked.IsNothing && Array.TrueForAll(written, answer => answer.Value?.Outcome == WriteOutcome.NoCollection))
        {
            catalog.Forget(collection);
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
            return;
        }
        var answers = asked.Spread<Routed<WriteResult>?>([.. written], _ => null);
        var returned = written.Sum(answer => (long)(answer.Value?.Doc?.Length ?? 0));
        PayloadShare.Of(context).Take(returned); // the writes are done already
        await Respond(
            context, answers.Length, returned, Array.TrueForAll(answers, answer => answer is { Failure: null, Value.Succeeded: true }),
            (json, i) => WriteWritten(json, operations[i], answers[i]));
    }

    /// <param name="bytes">About how many bytes the answer will have.</param>
    /// <param name="allSucceeded">Every result is a success.</param>
    /// <param name="entry">Writes one result's members.</param>
    private static Task Respond(HttpContext context, int count, long bytes, bool allSucceeded, Action<Utf8JsonWriter, int> entry)
    {
        context.Response.StatusCode = allSucceeded ? StatusCodes.Status200OK : StatusCodes.Status207MultiStatus;
        return JsonStream.WriteArrayAsync(context, bytes, "results", count, (json, i) =>
        {
            json.WriteStartObject();
            entry(json, i);
            json.WriteEndObject();
        });
    }

    private static void WriteRead(Utf8JsonWriter json, ItemKey key, Routed<Item?> answer)
    {
        if (ProblemOf(answer) is { } problem)
        {
            WriteFailure(json, key, problem);
            return;
        }
        WriteHead(json, StatusCodes.Status200OK, key);
        json.WriteString("etag", VersionTag.Of(answer.Value!.Version));
        if (answer.Value.ExpiresAt is { } expiresAt)
            json.WriteString("expiresAt", ListEnvelope.TimeText(expiresAt));
        json.WritePropertyName("doc");
        json.WriteRawValue(answer.Value.Doc, skipInputValidation: true);
    }

    private static Problem? ProblemOf(Routed<Item?> answer) => answer switch
    {
        { Failure: { } failure } => Problems.Of(failure, writes: false),
        { Value: null } => Problems.ItemNotFound(),
        { Value.WasLeftOut: LeftOut.AnswerFull } => Problems.AnswerFull(ItemReader.MaxTogetherBytes),
        { Value.WasLeftOut: LeftOut.RouterFull } => Problems.RouterOverloaded(),
        _ => null,
    };

    /// <param name="answer">Null: the partition is not for the caller.</param>
    private static void WriteWritten(Utf8JsonWriter json, WriteOperation operation, Routed<WriteResult>? answer)
    {
        var key = operation.Key;
        var creates = operation.Kind is WriteKind.Put or WriteKind.Increment;
        var problem = answer is not { } routed ? creates ? Problems.PartitionNotAllowed() : Problems.ItemNotFound()
            : routed.Failure is { } failure ? Problems.Of(failure, writes: true)
            : routed.Value!.Succeeded ? null
            : Problems.Of(routed.Value, key.Collection, operation.Condition.Kind);
        if (problem is not null)
        {
            WriteFailure(json, operation.Key, problem);
            return;
        }
        var result = answer!.Value.Value!;
        WriteHead(json, StatusOf(result.Outcome), key);
        if (result.Outcome != WriteOutcome.Deleted)
            json.WriteString("etag", VersionTag.Of(result.Version!.Value));
        WriteDocument(json, result);
    }

    /// <summary>The document that the operation wanted back.</summary>
    public static void WriteDocument(Utf8JsonWriter json, WriteResult result)
    {
        if (result is not { Succeeded: true, Doc: { } doc })
            return;
        json.WritePropertyName("doc");
        json.WriteRawValue(doc, skipInputValidation: true);
    }

    /// <summary>The status that the operation would have had on its own.</summary>
    public static int StatusOf(WriteOutcome outcome) => outcome switch
    {
        WriteOutcome.Created => StatusCodes.Status201Created,
        WriteOutcome.Deleted => StatusCodes.Status204NoContent,
        _ => StatusCodes.Status200OK,
    };

    private static void WriteFailure(Utf8JsonWriter json, ItemKey key, Problem problem)
    {
        WriteHead(json, problem.Status, key);
        if (problem.CurrentETag is { } etag)
            json.WriteString("etag", etag);
        json.WriteStartObject("error");
        problem.WriteMembers(json, requestId: null);
        json.WriteEndObject();
    }

    private static void WriteHead(Utf8JsonWriter json, int status, ItemKey key)
    {
        json.WriteNumber("status", status);
        json.WriteString("pk", key.PartitionKey);
        json.WriteString("id", key.Id);
    }
}
