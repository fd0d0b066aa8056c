using ShardRouter.Routing;

namespace ShardRouter.Operations;

/// <summary>The operations port: health for the proxy and the orchestrator. Not for the public.</summary>
internal sealed class OperationsEndpoints(RingHolder holder, Drain drain)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", context => context.Response.WriteAsync("live\n"));
        routes.MapGet("/health/ready", Ready);
    }

    /// <summary>
    /// Not ready: draining, or no ring at all. A dead shard or a silent Redis does not make a router unready: it would
    /// take all routers away at once, and with them the partitions that work.
    /// </summary>
    private Task Ready(HttpContext context)
    {
        var problem = drain.HasBegun ? "draining" : holder.Current is null ? "no ring yet" : null;
        if (problem is not null)
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync((problem ?? "ready") + "\n");
    }
}
