using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Http;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;
using ShardRouter.Rings;

namespace ShardRouter.Endpoints;

/// <summary>Tells where a partition key lives by this router's ring: <c>{"slot","shard","epoch"}</c>.</summary>
internal sealed class LocateEndpoints(RingHolder holder)
{
    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1:locate", Locate).Needs(AccessScope.ItemsRead);

    private async Task Locate(HttpContext context)
    {
        var startedAt = Stopwatch.GetTimestamp();
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes));
        var partitionKey = BatchParser.Partition(body.RootElement);
        Answer.Timing(context, "router", startedAt);
        if (!Caller.Of(context).MayUsePartition(partitionKey))
        {
            await Answer.Problem(context, Problems.PartitionNotAllowed());
            return;
        }
        var slot = SlotHash.Of(partitionKey);
        if (holder.Current is not { IsEmpty: false } ring)
        {
            await Answer.Problem(context, Problems.Of(ShardFailure.RingUnavailable, writes: false));
            return;
        }
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("slot", slot.Value);
            json.WriteString("shard", ring.OwnerOf(slot).Id.Value);
            json.WriteNumber("epoch", ring.Epoch.Value);
            json.WriteEndObject();
        }
        await Answer.Json(context, buffer.WrittenMemory);
    }
}
