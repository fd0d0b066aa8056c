using ShardCore.Ring;
using ShardRouter.Collections;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Outcomes;
using ShardRouter.Refusals;

namespace ShardRouter.Endpoints;

/// <summary>When a request over many shards is answered with a problem.</summary>
internal sealed class QueryRefusals(CollectionCatalog catalog, TokenCheck tokens)
{
    /// <summary>
    /// A query's statements do not look whether the server reaches what the session knows. So that is found out before, as for a write.
    /// </summary>
    /// <returns>False: it was answered, because its session cannot be judged.</returns>
    /// <exception cref="ProblemException">session-lost.</exception>
    public async Task<bool> MayAnswerAsync(HttpContext context, QueryRequest request, CancellationToken deadline)
    {
        if (request.Session is not { } session || await tokens.AreKnownAsync(session, Slot.All, writes: true, deadline))
            return true;
        await Answer.Problem(context, Problems.Of(ShardFailure.Unavailable, writes: false));
        return false;
    }

    /// <param name="isEmpty">No shard has such an item; perhaps there is no such collection.</param>
    /// <returns>True: it was answered.</returns>
    public async Task<bool> IsRefusedAsync(
        HttpContext context, string collection, (ShardFailure? Failure, ShardId Shard) told, bool isEmpty, CancellationToken deadline)
    {
        if (told.Failure is { } failure)
            await Answer.Problem(context, Problems.OfQuery(failure, told.Shard));
        else if (isEmpty && await catalog.ExistsAsync(collection, default, deadline) is { Failure: null, Value: false })
            await Answer.Problem(context, Problems.CollectionNotFound(collection));
        else
            return false;
        return true;
    }
}
