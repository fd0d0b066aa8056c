using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardCore.Collections;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Configuration;
using ShardRouter.Http;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;
using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Endpoints;

/// <summary>Collections: PUT creates one in every shard, GET shows one, and GET without a name lists them.</summary>
internal sealed class CollectionEndpoints(RingHolder holder, ShardPools pools)
{
    /// <summary>Whoever reads items, or makes collections, may know which there are.</summary>
    private const AccessScope Knowing = AccessScope.ItemsRead | AccessScope.ItemsScan | AccessScope.Changes | AccessScope.CollectionsAdmin;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPut("/v1/collections/{collection}", Create).NeedsToMakeCollections();
        routes.MapGet("/v1/collections/{collection}", Get).NeedsAnyOf(Knowing);
        routes.MapGet("/v1/collections", List).NeedsAnyOf(Knowing);
    }

    private async Task Create(HttpContext context)
    {
        var name = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        await RequireNoOptionsAsync(context);
        var ring = RequireRing();
        using var deadline = RequestDeadline.Begin(context, writes: true);
        var (startedAt, by) = (Stopwatch.GetTimestamp(), CallerName.Of(context));
        try
        {
            ShardPool[] all = [.. ring.Shards.Select(shard => pools.Of(shard, ring.Cluster))];
            if (Array.Find(all, pool => !pool.Circuit.IsClosed) is { } away)
                throw new ShardCallException(ShardFailure.Unavailable, away.Shard.Id.Value);
            var creation = CollectionStore.Together(await Task.WhenAll(all.Select(pool => pool.RunAsync(
                "collection", writes: true, call => CollectionStore.CreateAsync(call.Connection, name, by, CancellationToken.None),
                deadline.Token))));
            Answer.Timing(context, "shard", startedAt);
            switch (creation)
            {
                case CollectionCreation.BeingDeleted:
                    await Answer.Problem(context, Problems.CollectionBeingDeleted(name));
                    return;
                case CollectionCreation.Created:
                    context.Response.StatusCode = StatusCodes.Status201Created;
                    break;
            }
            await Answer.Json(context, Write(json => WriteDefinition(json, name, null)));
        }
        catch (ShardCallException e)
        {
            Answer.Timing(context, "shard", startedAt);
            await Answer.Problem(context, NotCreated(e));
        }
    }

    /// <summary>
    /// Creating a collection again completes what was begun, so repeating is always safe. But a creation that may be lost in a failover
    /// must not look refused.
    /// </summary>
    private static Problem NotCreated(ShardCallException e) => e.InnerException is CommitNotConfirmedException
        ? Problems.Of(ShardFailure.OutcomeUnknown, writes: true) with
        {
            Detail = "A shard has created the collection, but its standby has not confirmed it. Repeat the request.",
        }
        : Problems.Of(ShardFailure.Unavailable, writes: false) with
        {
            Detail = "A collection is created in all shards; repeat the request once all answer.",
        };

    private async Task Get(HttpContext context)
    {
        var name = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        if ((await ReadAsync(context)).FirstOrDefault(each => each.Name == name) is { } found)
            await Answer.Json(context, Write(json => WriteDefinition(json, found.Name, found.CreatedAt)));
        else
            await Answer.Problem(context, Problems.CollectionNotFound(name));
    }

    private async Task List(HttpContext context)
    {
        var caller = Caller.Of(context);
        var definitions = (await ReadAsync(context)).Where(each => caller.MayUseCollection(each.Name));
        await Answer.Json(context, Write(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("collections");
            foreach (var each in definitions)
                WriteDefinition(json, each.Name, each.CreatedAt);
            json.WriteEndArray();
            json.WriteEndObject();
        }));
    }

    /// <summary>Reads from any shard that answers: every shard has all definitions.</summary>
    private async Task<IReadOnlyList<CollectionDefinition>> ReadAsync(HttpContext context)
    {
        var ring = RequireRing();
        using var deadline = RequestDeadline.Begin(context, writes: false);
        var startedAt = Stopwatch.GetTimestamp();
        foreach (var pool in ring.Shards.Select(shard => pools.Of(shard, ring.Cluster)).Where(pool => pool.Circuit.IsClosed))
        {
            try
            {
                var all = await pool.RunAsync("collection", writes: false, call => CollectionStore.ListAsync(call.Connection, CancellationToken.None), deadline.Token);
                await SocketThreads.Leave();
                Answer.Timing(context, "shard", startedAt);
                return [.. all.Where(each => each.IsLive)];
            }
            catch (ShardCallException) when (!deadline.IsCancellationRequested)
            {
                // ask the next shard
            }
            catch (ShardCallException)
            {
                throw new ProblemException(Problems.Of(ShardFailure.DeadlineExceeded, writes: false));
            }
        }
        throw new ProblemException(Problems.Of(ShardFailure.Unavailable, writes: false));
    }

    private ShardRing RequireRing() =>
        holder.Current is { IsEmpty: false } ring ? ring : throw new ProblemException(Problems.Of(ShardFailure.RingUnavailable, writes: false));

    /// <summary>A body is optional and has no members yet. A request that asks for an option must not be answered with "created".</summary>
    private static async Task RequireNoOptionsAsync(HttpContext context)
    {
        var body = await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes);
        if (body.Length == 0)
            return;
        RequestBody.RequireMediaType(context, "application/json");
        using var options = BatchParser.Parse(body);
        foreach (var option in options.RootElement.EnumerateObject())
            throw JsonMembers.Invalid("A collection has no such option.", "/" + JsonMembers.SafeName(option));
    }

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions))
            content(json);
        return buffer.WrittenMemory;
    }

    private static void WriteDefinition(Utf8JsonWriter json, string name, DateTime? createdAt)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        if (createdAt is { } at)
            json.WriteString("createdAt", at);
        json.WriteEndObject();
    }
}
