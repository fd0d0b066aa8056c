using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using ShardRouter.Collections;
using ShardRouter.Configuration;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Routing;

namespace ShardRouter.Endpoints;

/// <summary>
/// Up to 100 keys or operations over any partitions in one request; each for itself, not atomic. 200 when all
/// succeeded, else 207 with every operation's own status.
/// </summary>
internal sealed class BatchEndpoints(ItemReader reader, ItemWriter writer, CollectionCatalog catalog)
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
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var startedAt = Stopwatch.GetTimestamp();
        var answers = await reader.ReadAsync(keys, deadline.Token);
        await SocketThreads.Leave(); // up to 100 MiB of documents
        Answer.Timing(context, "shard", startedAt);
        if (Array.TrueForAll(answers, answer => answer is { Failure: null, Value: null })
            && await catalog.ExistsAsync(collection, keys[0].Slot, deadline.Token) is { Failure: null, Value: false })
        {
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
            return;
        }
        await Respond(context, answers, (json, index) => WriteRead(json, keys[index], answers[index]));
    }

    private async Task Write(HttpContext context)
    {
        var collection = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxBatchBytes));
        var operations = BatchParser.Operations(body.RootElement, collection);
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var startedAt = Stopwatch.GetTimestamp();
        var answers = await writer.WriteAsync(operations, deadline.Token);
        Answer.Timing(context, "shard", startedAt);
        if (Array.TrueForAll(answers, answer => answer.Value?.Outcome == WriteOutcome.NoCollection))
        {
            catalog.Forget(collection);
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
            return;
        }
        await Respond(context, answers, (json, index) => WriteWritten(json, operations[index].Key, answers[index]));
    }

    /// <param name="entry">Writes one result's members and returns whether it is a success.</param>
    private static Task Respond<T>(HttpContext context, Routed<T>[] answers, Func<Utf8JsonWriter, int, bool> entry)
    {
        var buffer = new ArrayBufferWriter<byte>(4 * 1024);
        var allSucceeded = true;
        using (var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteStartArray("results");
            for (var i = 0; i < answers.Length; i++)
            {
                json.WriteStartObject();
                allSucceeded &= entry(json, i);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        context.Response.StatusCode = allSucceeded ? StatusCodes.Status200OK : StatusCodes.Status207MultiStatus;
        return Answer.Json(context, buffer.WrittenMemory);
    }

    private static bool WriteRead(Utf8JsonWriter json, ItemKey key, Routed<Item?> answer)
    {
        if (answer.Failure is { } failure)
            return WriteFailure(json, key, Problems.Of(failure, writes: false));
        if (answer.Value is not { } item)
            return WriteFailure(json, key, Problems.ItemNotFound());
        WriteHead(json, StatusCodes.Status200OK, key);
        json.WriteString("etag", ETag.Of(item.Version));
        json.WritePropertyName("doc");
        json.WriteRawValue(item.Doc, skipInputValidation: true);
        return true;
    }

    private static bool WriteWritten(Utf8JsonWriter json, ItemKey key, Routed<WriteResult> answer)
    {
        if (answer.Failure is { } failure)
            return WriteFailure(json, key, Problems.Of(failure, writes: true));
        if (!answer.Value!.Succeeded)
            return WriteFailure(json, key, Problems.Of(answer.Value, key.Collection));
        WriteHead(json, StatusOf(answer.Value.Outcome), key);
        if (answer.Value.Outcome != WriteOutcome.Deleted)
            json.WriteString("etag", ETag.Of(answer.Value.Version!.Value));
        return true;
    }

    /// <summary>The status that the operation would have had on its own.</summary>
    public static int StatusOf(WriteOutcome outcome) => outcome switch
    {
        WriteOutcome.Created => StatusCodes.Status201Created,
        WriteOutcome.Deleted => StatusCodes.Status204NoContent,
        _ => StatusCodes.Status200OK,
    };

    private static bool WriteFailure(Utf8JsonWriter json, ItemKey key, Problem problem)
    {
        WriteHead(json, problem.Status, key);
        if (problem.CurrentETag is { } etag)
            json.WriteString("etag", etag);
        json.WriteStartObject("error");
        problem.WriteMembers(json, requestId: null);
        json.WriteEndObject();
        return false;
    }

    private static void WriteHead(Utf8JsonWriter json, int status, ItemKey key)
    {
        json.WriteNumber("status", status);
        json.WriteString("pk", key.PartitionKey);
        json.WriteString("id", key.Id);
    }
}
