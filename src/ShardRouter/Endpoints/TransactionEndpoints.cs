using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Endpoints;

/// <summary>Up to 100 operations on one partition key, over its collections, in one Postgres transaction.</summary>
internal sealed class TransactionEndpoints(ItemWriter writer, TokenCheck tokens, Answer answer)
{
    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1:transact", Transact);

    private async Task Transact(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxBatchBytes));
        var operations = BatchParser.Transaction(body.RootElement);
        var session = RequestSession.Of(context)?.ForWrites();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var routed = session is null ? await writer.TransactAsync(operations, deadline.Token)
            : await tokens.AreKnownAsync(session, [operations[0].Key.Slot], writes: true, deadline.Token)
                ? await writer.TransactAsync([.. operations.Select(each => each with { Session = session })], deadline.Token)
            : Routed<TransactionResult>.Failed(ShardFailure.Unavailable, default);
        answer.Route(context, operations[0].Key.Slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: true));
        else if (routed.Value!.FailedOperation is { } failed)
            await Answer.Problem(context, Problems.Of(routed.Value.Culprit!, operations[failed].Key.Collection) with
            {
                FailedOperation = failed,
                Pointer = string.Create(CultureInfo.InvariantCulture, $"/ops/{failed}"),
            });
        else
            await Answer.Json(context, Write(operations, routed.Value.Results));
    }

    private static ReadOnlyMemory<byte> Write(List<WriteOperation> operations, IReadOnlyList<WriteResult> results)
    {
        var buffer = new ArrayBufferWriter<byte>(4 * 1024);
        using (var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteStartArray("results");
            for (var i = 0; i < results.Count; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("status", BatchEndpoints.StatusOf(results[i].Outcome));
                json.WriteString("collection", operations[i].Key.Collection);
                json.WriteString("id", operations[i].Key.Id);
                if (results[i].Outcome != WriteOutcome.Deleted && results[i].Version is { } version)
                    json.WriteString("etag", ETag.Of(version));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}
