using ShardCore.Queries;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Configuration;
using ShardRouter.Draining;
using ShardRouter.Queries.Costs;
using ShardRouter.Rings;

namespace ShardRouter.Operations;

/// <summary>
/// The operations port: health for the proxy and the orchestrator, what queries cost, and the reference page for people. It must not be
/// public.
/// </summary>
internal sealed class OperationsEndpoints(
    RingHolder holder, KeyHolder keys, AccessOptions access, Drain drain, RouterOptions options, QueryStatistics queries, TimeProvider time)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", context => context.Response.WriteAsync("live\n"));
        routes.MapGet("/health/ready", Ready);
        routes.MapGet("/admin/v1/queries", Queries);
        ReferencePage.Map(routes, options.Advertise);
    }

    /// <summary>The shapes of queries that cost the shards most, as <c>shardadmin queries</c> reads them from every router.</summary>
    private Task Queries(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        return context.Response.Body.WriteAsync(
            new QueryCostReport(options.RouterId, time.GetUtcNow(), queries.Read()).ToJson(), context.RequestAborted).AsTask();
    }

    /// <summary>
    /// A router is not ready while it drains, has no ring, or no shard has told it who may call since it started. A dead shard or a silent
    /// Redis does not make it unready: that would take all routers away at once, and with them the partitions that work.
    /// </summary>
    private Task Ready(HttpContext context)
    {
        var problem = drain.HasBegun ? "draining"
            : holder.Current is not { } ring ? "no ring yet"
            : keys.IsWanted && keys.Current is null && !ring.IsEmpty ? "no API keys known yet"
            : null;
        if (problem is not null)
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        var warning = access.IsOpen ? "warning: SHARDING_AUTH=open, whoever reaches the data port may read and write everything\n" : "";
        return context.Response.WriteAsync($"{problem ?? "ready"}\n{warning}");
    }
}
