using Microsoft.AspNetCore.WebUtilities;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>
/// Metadata of a route that reads query parameters. All others refuse them: what is ignored would look as if it had worked.
/// </summary>
internal sealed class QueryParameters
{
    private const int MaxNameLength = 60;

    private QueryParameters()
    {
    }

    public static QueryParameters AreRead { get; } = new();

    /// <summary>Middleware behind routing.</summary>
    /// <exception cref="ProblemException">invalid-parameter.</exception>
    public static Task RefuseUnknown(HttpContext context, RequestDelegate next)
    {
        var query = context.Request.QueryString;
        if (query.HasValue && context.GetEndpoint() is RouteEndpoint route && route.Metadata.GetMetadata<QueryParameters>() is null)
            foreach (var parameter in new QueryStringEnumerable(query.Value))
                throw new ProblemException(Problems.InvalidParameter(
                    Shorten(parameter.DecodeName().ToString()), "This address takes no parameters. Only lists do."));
        return next(context);
    }

    private static string Shorten(string name) => name.Length <= MaxNameLength ? name : string.Concat(name.AsSpan(0, MaxNameLength), "…");
}
