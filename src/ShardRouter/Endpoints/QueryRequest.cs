using ShardCore.Ring;
using ShardRouter.Consistency;
using ShardRouter.Http;
using ShardRouter.Queries;
using ShardRouter.Shards;

namespace ShardRouter.Endpoints;

/// <summary>What a request over many shards says of itself outside of its query.</summary>
/// <param name="IsPartial">A shard that fails is left out.</param>
internal sealed record QueryRequest(string Collection, RequestSession? Session, bool IsPartial)
{
    public static QueryRequest Of(HttpContext context) => new(
        ItemTarget.RequireName((string)context.GetRouteValue("collection")!), RequestSession.Of(context),
        Preferences.Has(context.Request.Headers, "partial-results", ""));

    public Task Before(ShardPool pool, CancellationToken deadline) =>
        Session is null ? Task.CompletedTask : VisibleCheck.RequireAsync(pool, Session, Slot.All, deadline);

    /// <summary>The slots that may have such items.</summary>
    public static SlotSet SlotsOf(ItemSelection items) => items.PartitionKey is { } pk ? SlotSet.Of(SlotHash.Of(pk)) : SlotSet.All;
}
