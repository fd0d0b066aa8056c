using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Collections;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Keys;
using ShardRouter.Outcomes;
using ShardRouter.Partitions;
using ShardRouter.Refusals;

namespace ShardRouter.Endpoints;

/// <summary>DELETE of a partition: all of its items in one collection, in steps.</summary>
internal sealed class PartitionDeletionEndpoints(PartitionDeletion deletion, CollectionCatalog catalog, Answer answer)
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapDelete("/v1/collections/{collection}/items/{pk}", Delete).Needs(AccessScope.ItemsWrite);

    private async Task Delete(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var target = ItemTarget.Of(context);
        foreach (var header in new[] { "If-Match", "If-None-Match" })
            if (context.Request.Headers.ContainsKey(header))
                throw new ProblemException(Problems.InvalidHeader(header, "A partition has no version."));
        var limit = RequestDeadline.ScanLimit(context);
        if (!Caller.Of(context).MayUsePartition(target.PartitionKey))
        {
            Answer.Timing(context, "router", startedAt);
            await Answer.Json(context, Write(new DeletedPartition(0, IsDone: true, null, default))); // as if it had no items
            return;
        }
        var partition = new ItemKey(target.Collection, target.PartitionKey, "");
        var session = RequestSession.Of(context)?.ForWrites();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var deleted = await deletion.DeleteAsync(partition, session, limit, deadline.Token);
        answer.Route(context, partition.Slot, deleted.Shard, startedAt);
        session?.Tell(context);
        if (deleted.HasNoCollection)
            catalog.Forget(target.Collection);
        if (WhyNothingIsKnown(deleted) is { } failure)
            await Answer.Problem(context, failure);
        else if (deleted.HasNoCollection || (deleted is { Items: 0, IsDone: true }
            && await catalog.ExistsAsync(target.Collection, partition.Slot, deadline.Token) is { Failure: null, Value: false }))
            await Answer.Problem(context, Problems.CollectionNotFound(target.Collection));
        else
            await Answer.Json(context, Write(deleted));
    }

    /// <summary>
    /// A failure ends the work. If steps before it deleted something, the answer tells how much, and that it is not done. But a step of
    /// which nobody knows whether it was applied must be told.
    /// </summary>
    private static Problem? WhyNothingIsKnown(DeletedPartition deleted) =>
        deleted.Failure is { } failure && (deleted.Items == 0 || failure == ShardFailure.OutcomeUnknown)
            ? Problems.Of(failure, writes: true)
            : null;

    private static ReadOnlyMemory<byte> Write(DeletedPartition deleted)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("deleted", deleted.Items);
            json.WriteBoolean("done", deleted.IsDone);
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }
}
