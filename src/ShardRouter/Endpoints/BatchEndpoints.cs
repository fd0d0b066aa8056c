using System.Diagnostics;
using System.Text.Json;
using ShardRouter.Collections;
using ShardRouter.Configuration;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Endpoints;

/// <summary>
/// Up to 100 keys or operations over any partitions in one request; each for itself, not atomic. 200 when all
/// succeeded, else 207 with every operation's own status.
/// </summary>
internal sealed class BatchEndpoints(
    ItemReader reader, SessionReader sessionReader, ItemWriter writer, TokenCheck tokens, CollectionCatalog catalog)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/collections/{collection}:batchGet", Get);
        routes.MapPost("/v1/collections/{collection}:batchWrite", Write);
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
        var answers = session is null
            ? await reader.ReadAsync(keys, PayloadShare.Of(context), deadline.Token)
            : await sessionReader.ReadAsync(keys, session, PayloadShare.Of(context), deadline.Token);
        await SocketThreads.Leave(); // up to 100 MiB of documents
        Answer.Timing(context, "shard", startedAt);
        session?.Tell(context);
        if (Array.TrueForAll(answers, answer => answer is { Failure: null, Value: null })
            && await catalog.ExistsAsync(collection, keys[0].Slot, deadline.Token) is { Failure: null, Value: false })
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
        var session = RequestSession.Of(context)?.ForWrites();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var startedAt = Stopwatch.GetTimestamp();
        if (session is not null
            && !await tokens.AreKnownAsync(session, operations.Select(each => each.Key.Slot), writes: true, deadline.Token))
        {
            await Answer.Problem(context, Problems.Of(ShardFailure.Unavailable, writes: true));
            return;
        }
        var answers = await writer.WriteAsync(
            session is null ? operations : [.. operations.Select(each => each with { Session = session })], deadline.Token);
        Answer.Timing(context, "shard", startedAt);
        session?.Tell(context);
        if (Array.TrueForAll(answers, answer => answer.Value?.Outcome == WriteOutcome.NoCollection))
        {
            catalog.Forget(collection);
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
            return;
        }
        await Respond(
            context, answers.Length, 0, Array.TrueForAll(answers, answer => answer is { Failure: null, Value.Succeeded: true }),
            (json, i) => WriteWritten(json, operations[i].Key, answers[i]));
    }

    /// <param name="bytes">About how much the answer will be.</param>
    /// <param name="allSucceeded">Every result is a success.</param>
    /// <param name="entry">Writes one result's members.</param>
    private static Task Respond(HttpContext context, int count, long bytes, bool allSucceeded, Action<Utf8JsonWriter, int> entry)
    {
        context.Response.StatusCode = allSucceeded ? StatusCodes.Status200OK : StatusCodes.Status207MultiStatus;
        return JsonStream.WriteAsync(
            context,
            bytes,
            json =>
            {
                json.WriteStartObject();
                json.WriteStartArray("results");
            },
            count,
            (json, i) =>
            {
                json.WriteStartObject();
                entry(json, i);
                json.WriteEndObject();
            },
            json =>
            {
                json.WriteEndArray();
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
        json.WriteString("etag", ETag.Of(answer.Value!.Version));
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

    private static void WriteWritten(Utf8JsonWriter json, ItemKey key, Routed<WriteResult> answer)
    {
        var problem = answer.Failure is { } failure ? Problems.Of(failure, writes: true)
            : answer.Value!.Succeeded ? null
            : Problems.Of(answer.Value, key.Collection);
        if (problem is not null)
        {
            WriteFailure(json, key, problem);
            return;
        }
        WriteHead(json, StatusOf(answer.Value!.Outcome), key);
        if (answer.Value.Outcome != WriteOutcome.Deleted)
            json.WriteString("etag", ETag.Of(answer.Value.Version!.Value));
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
