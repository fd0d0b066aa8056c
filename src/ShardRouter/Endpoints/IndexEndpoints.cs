using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Access;
using ShardRouter.Http;
using ShardRouter.Indexes;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;
using ShardRouter.Rings;
using ShardRouter.Shards;
using IndexField = ShardCore.Indexes.IndexField;

namespace ShardRouter.Endpoints;

/// <summary>
/// Indexes of a collection. PUT defines one in every shard, and an agent builds it; GET shows how far that is; DELETE drops it.
/// </summary>
internal sealed class IndexEndpoints(RingHolder holder, ShardPools pools, IndexCatalog catalog)
{
    private const AccessScope Knowing = AccessScope.ItemsRead | AccessScope.ItemsScan | AccessScope.Changes | AccessScope.CollectionsAdmin;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/collections/{collection}/indexes", List).NeedsAnyOf(Knowing);
        routes.MapGet("/v1/collections/{collection}/indexes/{index}", Get).NeedsAnyOf(Knowing);
        routes.MapPut("/v1/collections/{collection}/indexes/{index}", Create).Needs(AccessScope.CollectionsAdmin);
        routes.MapDelete("/v1/collections/{collection}/indexes/{index}", Delete).Needs(AccessScope.CollectionsAdmin);
    }

    private async Task Create(HttpContext context)
    {
        var (collection, name) = NamesOf(context);
        RequestBody.RequireMediaType(context, "application/json");
        using var body = BatchParser.Parse(await RequestBody.ReadAsync(context, RequestBody.MaxDocumentBytes));
        var (fields, isUnique) = IndexParser.Parse(body.RootElement);
        var (json, by) = (IndexField.Write(fields), CallerName.Of(context));
        using var deadline = RequestDeadline.Begin(context, writes: true);
        await AnswerAsync(context, async () =>
        {
            var before = await ReadAsync(collection, name, deadline.Token);
            if (before.Shards.Any(each => each.Index is { } known && (known.IsUnique != isUnique || IndexField.Write(known.Fields) != json)))
                throw new ProblemException(Problems.IndexDiffers(name));
            // First in one shard, always the same: of two requests with different definitions one is refused there, and does no more.
            var (created, createdAt) = await CreateAsync(isFirst: true, null);
            if (!created.Any(IsRefused))
                created = [.. created, .. (await CreateAsync(isFirst: false, createdAt)).Created];
            catalog.Forget(collection);
            if (created.Where(IsRefused).ToArray() is [var refused, ..])
            {
                await UndoAsync(collection, name, by, created, deadline.Token);
                throw new ProblemException(RefusalOf(refused.Value, collection, name)!);
            }
            var now = await ReadAsync(collection, name, deadline.Token);
            if (now is { IsBuilt: true, IsReady: false })
            {
                await EachAsync((call, _) => IndexStore.SetReadyAsync(call.Connection, collection, name, by), writes: true, deadline.Token);
                now = await ReadAsync(collection, name, deadline.Token);
            }
            if (!now.IsReady)
            {
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                context.Response.Headers.Location = $"/v1/collections/{collection}/indexes/{name}";
            }
            await Answer.Json(context, Json(now.Write));
        });

        bool IsRefused((ShardId, IndexCreation Value) each) => RefusalOf(each.Value, collection, name) is not null;

        async Task<(IReadOnlyList<(ShardId Shard, IndexCreation Value)> Created, DateTime? At)> CreateAsync(bool isFirst, DateTime? createdAt)
        {
            var answers = await EachAsync(
                (call, _) => IndexStore.CreateAsync(call.Connection, collection, name, json, isUnique, by, createdAt), writes: true, deadline.Token,
                (ring, shard) => isFirst == (shard == ring.Shards.MinBy(each => each.Id.Value, StringComparer.Ordinal)!.Id));
            return ([.. answers.Select(each => (each.Shard, each.Value.Outcome))], answers.Select(each => each.Value.CreatedAt).FirstOrDefault());
        }
    }

    private async Task Delete(HttpContext context)
    {
        var (collection, name) = NamesOf(context);
        var by = CallerName.Of(context);
        using var deadline = RequestDeadline.Begin(context, writes: true);
        await AnswerAsync(context, async () =>
        {
            var wanted = await EachAsync((call, _) => IndexStore.UnwantAsync(call.Connection, collection, name, by), writes: true, deadline.Token);
            catalog.Forget(collection);
            if (wanted.All(each => !each.Value))
                throw new ProblemException(Problems.IndexNotFound(name));
            var dropped = await EachAsync((call, _) => IndexStore.TryDropAsync(call.Connection, collection, name, by), writes: true, deadline.Token);
            context.Response.StatusCode = dropped.All(each => each.Value) ? StatusCodes.Status204NoContent : StatusCodes.Status202Accepted;
        });
    }

    private async Task Get(HttpContext context)
    {
        var (collection, name) = NamesOf(context);
        using var deadline = RequestDeadline.Begin(context, writes: false);
        await AnswerAsync(context, async () =>
        {
            var status = await ReadAsync(collection, name, deadline.Token);
            if (status.First is null)
                throw new ProblemException(Problems.IndexNotFound(name));
            await Answer.Json(context, Json(status.Write));
        });
    }

    private async Task List(HttpContext context)
    {
        var collection = ItemTarget.RequireName((string)context.GetRouteValue("collection")!);
        using var deadline = RequestDeadline.Begin(context, writes: false);
        await AnswerAsync(context, async () =>
        {
            var shards = await ReadAllAsync(collection, deadline.Token);
            var names = shards.SelectMany(each => each.Value).Select(index => index.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
            await Answer.Json(context, Json(json =>
            {
                json.WriteStartObject();
                json.WriteStartArray("indexes");
                foreach (var name in names)
                    Of(shards, name).Write(json);
                json.WriteEndArray();
                json.WriteEndObject();
            }));
        });
    }

    /// <summary>Some shards have it and others would not take it: those give it back.</summary>
    private async Task UndoAsync(
        string collection, string name, string by, IReadOnlyList<(ShardId Shard, IndexCreation Value)> created, CancellationToken deadline)
    {
        HashSet<ShardId> made = [.. created.Where(each => each.Value == IndexCreation.Created).Select(each => each.Shard)];
        await EachAsync(
            async (call, shard) => made.Contains(shard)
                && await IndexStore.UnwantAsync(call.Connection, collection, name, by)
                && await IndexStore.TryDropAsync(call.Connection, collection, name, by),
            writes: true, deadline);
    }

    private static Problem? RefusalOf(IndexCreation outcome, string collection, string name) => outcome switch
    {
        IndexCreation.NoCollection => Problems.CollectionNotFound(collection),
        IndexCreation.Differs => Problems.IndexDiffers(name),
        IndexCreation.BeingDropped => Problems.IndexBeingDropped(name),
        IndexCreation.TooMany => Problems.TooManyIndexes(),
        IndexCreation.WhileMoving => Problems.IndexWhileMoving(),
        _ => null,
    };

    private async Task<IndexStatus> ReadAsync(string collection, string name, CancellationToken deadline) =>
        Of(await ReadAllAsync(collection, deadline), name);

    /// <exception cref="ProblemException">collection-not-found.</exception>
    private async Task<IReadOnlyList<(ShardId Shard, IReadOnlyList<IndexDefinition> Value)>> ReadAllAsync(
        string collection, CancellationToken deadline)
    {
        var all = await EachAsync((call, _) => IndexStore.ReadWithCollectionAsync(call.Connection, collection), writes: false, deadline);
        return all.All(each => each.Value is null)
            ? throw new ProblemException(Problems.CollectionNotFound(collection))
            : [.. all.Select(each => (each.Shard, each.Value ?? []))];
    }

    private static IndexStatus Of(IEnumerable<(ShardId Shard, IReadOnlyList<IndexDefinition> Value)> shards, string name) =>
        new([.. shards.Select(each => (each.Shard, each.Value.FirstOrDefault(index => index.Name == name)))]);

    /// <summary>Does something in every shard, in all of them at the same time. All must be there.</summary>
    /// <param name="isMeant">Null: every shard of the ring is.</param>
    /// <exception cref="ShardCallException">One is not, or failed. Others may have done it.</exception>
    private async Task<IReadOnlyList<(ShardId Shard, T Value)>> EachAsync<T>(
        Func<ShardCall, ShardId, Task<T>> call, bool writes, CancellationToken deadline, Func<ShardRing, ShardId, bool>? isMeant = null)
    {
        var ring = holder.Current is { IsEmpty: false } current
            ? current
            : throw new ProblemException(Problems.Of(ShardFailure.RingUnavailable, writes: false));
        ShardPool[] all = [.. ring.Shards.Select(shard => pools.Of(shard, ring.Cluster))];
        if (Array.Find(all, pool => !pool.Circuit.IsClosed) is { } away)
            throw new ShardCallException(ShardFailure.Unavailable, away.Shard.Id.Value);
        var meant = all.Where(pool => isMeant is null || isMeant(ring, pool.Shard.Id));
        return await Task.WhenAll(meant.Select(async pool =>
            (pool.Shard.Id, await pool.RunAsync("index", writes, one => call(one, pool.Shard.Id), deadline))));
    }

    private static async Task AnswerAsync(HttpContext context, Func<Task> run)
    {
        var startedAt = Stopwatch.GetTimestamp();
        try
        {
            await run();
        }
        catch (ShardCallException e)
        {
            Answer.Timing(context, "shard", startedAt);
            await Answer.Problem(context, e.Failure == ShardFailure.Defect
                ? Problems.Of(e.Failure, writes: false)
                : Problems.Of(ShardFailure.Unavailable, writes: false) with
                {
                    Detail = "An index is in all shards; repeat the request once all answer. Repeating completes what was begun.",
                });
        }
    }

    private static (string Collection, string Name) NamesOf(HttpContext context) => (
        ItemTarget.RequireName((string)context.GetRouteValue("collection")!), IndexParser.RequireName((string)context.GetRouteValue("index")!));

    private static ReadOnlyMemory<byte> Json(Action<Utf8JsonWriter> content)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, ListEnvelope.WriterOptions))
            content(json);
        return buffer.WrittenMemory;
    }
}
