using Microsoft.AspNetCore.Http.Features;
using ShardCore.Access;
using ShardRouter.Access;
using ShardRouter.Callers;
using ShardRouter.Http;
using ShardRouter.Keys;
using ShardRouter.Queries;

namespace ShardRouter.Endpoints;

/// <summary>All items of a collection or of a segment of it, page by page, in the order of slot, pk and id.</summary>
internal sealed class ScanEndpoints(PageAnswer answer)
{
    public void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/collections/{collection}/items", Scan).Needs(AccessScope.ItemsScan).WithMetadata(QueryParameters.AreRead);

    private Task Scan(HttpContext context)
    {
        RawTarget.CheckQuery(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var request = QueryRequest.Of(context);
        var (query, slots, identity, cursor) = ScanParser.Parse(
            context.Request.QueryString.Value, request.Collection, Caller.Of(context).Partitions, RequestDeadline.ScanLimit(context));
        return answer.WriteAsync(context, request, query, allowsScan: true, slots, identity, cursor);
    }
}
