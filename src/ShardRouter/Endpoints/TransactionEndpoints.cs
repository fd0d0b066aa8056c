using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Callers;
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

/// <summary>Up to 100 operations on one partition key, over its collections, in one Postgres transaction.</summary>
internal sealed class TransactionEndpoints(ItemWriter writer, RequestLimits limits, Answer answer)
{
    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1:transact", Transact).Needs(AccessScope.ItemsWrite);

    private async Task Transact(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxBatchBytes));
        var operations = BatchParser.Transaction(body.RootElement);
        if (WhyNotAllowed(Caller.Of(context), operations) is { } refused)
        {
            Answer.Timing(context, "router", startedAt);
            await Answer.Problem(context, refused);
            return;
        }
        limits.RequireRest(Caller.Of(context), operations, operation => operation.Key.PartitionKey);
        var session = RequestSession.Of(context)?.ForWrites();
        if (RequestDeadline.OwnOf(context) is { } time && time <= writer.TransactionDelayOf(operations[0].Key.Slot))
            throw new ProblemException(Problems.TooLate(writes: true));
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var routed = await writer.TransactAsync(
            session is null ? operations : [.. operations.Select(each => each with { Session = session })], deadline.Token);
        answer.Route(context, operations[0].Key.Slot, routed.Shard, startedAt);
        session?.Tell(context);
        if (routed.Failure is { } failure)
            await Answer.Problem(context, Problems.Of(failure, writes: true));
        else if (routed.Value!.FailedOperation is { } failed)
            await Answer.Problem(context, AtOperation(
                failed, operations[failed].Key,
                Problems.Of(routed.Value.Culprit!, operations[failed].Key.Collection, operations[failed].Condition.Kind)));
        else
            await WriteAsync(context, operations, routed.Value.Results);
    }

    /// <summary>The whole of it is refused: a transaction cannot be carried out in part.</summary>
    private static Problem? WhyNotAllowed(Caller caller, List<WriteOperation> operations)
    {
        if (!caller.MayUsePartition(operations[0].Key.PartitionKey))
            return Problems.PartitionNotAllowed();
        if (operations.Exists(operation => operation.ReturnDoc) && !caller.HasAll(AccessScope.ItemsRead))
            return Problems.InsufficientScope(AccessScope.ItemsRead, isAnyEnough: false);
        var hidden = operations.FindIndex(operation => !caller.MayUseCollection(operation.Key.Collection));
        return hidden < 0 ? null : AtOperation(hidden, operations[hidden].Key, Problems.CollectionNotFound(operations[hidden].Key.Collection));
    }

    private static Problem AtOperation(int failed, ItemKey item, Problem problem) => problem with
    {
        FailedOperation = failed,
        Item = (item.Collection, item.PartitionKey, item.Id),
        Pointer = string.Create(CultureInfo.InvariantCulture, $"/ops/{failed}"),
    };

    private static Task WriteAsync(HttpContext context, List<WriteOperation> operations, IReadOnlyList<WriteResult> results)
    {
        var bytes = results.Sum(result => (long)(result.Doc?.Length ?? 0));
        PayloadShare.Of(context).Take(bytes); // the writes are done already
        return JsonStream.WriteArrayAsync(
            context, bytes, "results", results.Count, (json, i) => Write(json, operations[i], results[i]));
    }

    private static void Write(Utf8JsonWriter json, WriteOperation operation, WriteResult result)
    {
        json.WriteStartObject();
        json.WriteNumber("status", BatchEndpoints.StatusOf(result.Outcome));
        json.WriteString("collection", operation.Key.Collection);
        json.WriteString("id", operation.Key.Id);
        if (result.Outcome != WriteOutcome.Deleted && result.Version is { } version)
            json.WriteString("etag", VersionTag.Of(version));
        BatchEndpoints.WriteDocument(json, result);
        json.WriteEndObject();
    }
}
