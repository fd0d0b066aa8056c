using Microsoft.AspNetCore.Http.Features;
using ShardCore.Collections;
using ShardRouter.Keys;
using ShardRouter.Refusals;

namespace ShardRouter.Http;

/// <summary>
/// The item or the partition that an address below <c>/v1/collections/{c}/items</c> names. It is decoded once from the raw target.
/// </summary>
/// <param name="Id">Null: the whole partition.</param>
internal sealed record ItemTarget(string Collection, string PartitionKey, string? Id)
{
    private const string Prefix = "/v1/collections/";

    /// <summary>
    /// Middleware before routing. It refuses every address that is not exactly one of the contract's, takes the keys out of the raw
    /// target and leaves a path with <c>~</c> in their place. So routing works on a path that cannot be normalised into another one.
    /// </summary>
    /// <exception cref="ProblemException">route-not-found, invalid-key.</exception>
    public static Task Extract(HttpContext context, RequestDelegate next)
    {
        var path = RawTarget.PathOf(context.Features.Get<IHttpRequestFeature>()!.RawTarget);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
            return path is "/v1/collections" or "/v1:transact" or "/v1:locate" or "/openapi/v1.json"
                ? GoOn(context, path, next)
                : throw NoAddress(path);
        var rest = path.AsSpan(Prefix.Length);
        Span<Range> segments = stackalloc Range[5];
        var count = rest.Split(segments, '/');
        if (count == 1 && !rest.IsEmpty)
            return OfCollection(context, path, rest, next);
        if (count == 2 && rest[segments[1]].SequenceEqual("partitions"))
            return GoOn(context, $"{Prefix}{RequireName(rest[segments[0]].ToString())}/partitions", next);
        if (count is 2 or 3 && rest[segments[1]].SequenceEqual("indexes"))
        {
            RequireName(rest[segments[0]].ToString());
            return GoOn(context, path, next);
        }
        if (count == 2 && rest[segments[1]].SequenceEqual("items"))
            return GoOn(context, $"{Prefix}{RequireName(rest[segments[0]].ToString())}/items", next);
        if (count is not (3 or 4) || !rest[segments[1]].SequenceEqual("items"))
            throw NoAddress(path);

        var collection = RequireName(rest[segments[0]].ToString());
        var target = new ItemTarget(
            collection,
            RawTarget.DecodeKey(rest[segments[2]], "pk"),
            count == 4 ? RawTarget.DecodeKey(rest[segments[3]], "id") : null);
        context.Features.Set(target);
        return GoOn(context, target.Id is null ? $"{Prefix}{collection}/items/~" : $"{Prefix}{collection}/items/~/~", next);
    }

    /// <summary>The framework would take <c>GET cities:batchGet</c> for the collection "cities:batchGet".</summary>
    /// <param name="rest">What follows the prefix, without '/'.</param>
    private static Task OfCollection(HttpContext context, string path, ReadOnlySpan<char> rest, RequestDelegate next)
    {
        var method = context.Request.Method;
        var colon = rest.IndexOf(':');
        if (colon < 0)
            return HttpMethods.IsGet(method) || HttpMethods.IsPut(method)
                ? GoOn(context, path, next)
                : AllowOnly(context, "GET, PUT"); // routing would add POST, which belongs to {collection}:batchGet
        if (rest[(colon + 1)..] is not ("batchGet" or "batchWrite" or "query" or "count" or "aggregate"))
            throw NoAddress(path);
        return HttpMethods.IsPost(method) ? GoOn(context, path, next) : AllowOnly(context, "POST");
    }

    /// <summary>
    /// The framework's own path is decoded, without dots and with any case: <c>/V1/./collection%73</c> would be a route. So it gets the one
    /// that was sent, which is exact.
    /// </summary>
    private static Task GoOn(HttpContext context, string path, RequestDelegate next)
    {
        context.Request.Path = path;
        return next(context);
    }

    private static ProblemException NoAddress(string path) => new(Problems.RouteNotFound(AlmostAddress.Explain(path)));

    private static Task AllowOnly(HttpContext context, string methods)
    {
        context.Response.Headers.Allow = methods;
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        return Task.CompletedTask;
    }

    public static ItemTarget Of(HttpContext context) => context.Features.GetRequiredFeature<ItemTarget>();

    /// <exception cref="ProblemException">invalid-key: no collection can have this name.</exception>
    public static string RequireName(string collection) => CollectionName.IsValid(collection)
        ? collection
        : throw new ProblemException(Problems.InvalidKey($"A collection's name must be {CollectionName.Rule}."));
}
