using Microsoft.AspNetCore.Http.Features;
using ShardCore.Collections;

namespace ShardRouter.Http;

/// <summary>What an address below <c>/v1/collections/{c}/items</c> names, decoded once from the raw target.</summary>
/// <param name="Id">null: the whole partition.</param>
internal sealed record ItemTarget(string Collection, string PartitionKey, string? Id)
{
    private const string Prefix = "/v1/collections/";

    /// <summary>
    /// Middleware before routing: takes the keys out of the raw target and leaves a path in which <c>~</c> stands for
    /// them, so that routing works on a path that cannot be normalised into another.
    /// </summary>
    public static Task Extract(HttpContext context, RequestDelegate next)
    {
        var path = RawTarget.PathOf(context.Features.Get<IHttpRequestFeature>()!.RawTarget);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
            return next(context);
        var rest = path.AsSpan(Prefix.Length);
        Span<Range> segments = stackalloc Range[5];
        var count = rest.Split(segments, '/');
        if (count == 1 && rest.Contains(':') && !HttpMethods.IsPost(context.Request.Method))
            return RefuseMethod(context, rest[(rest.IndexOf(':') + 1)..]);
        if (count == 1 && !rest.IsEmpty && !rest.Contains(':') && !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsPut(context.Request.Method))
            return AllowOnly(context, "GET, PUT"); // routing would add POST, which belongs to {collection}:batchGet
        if (count is not (3 or 4) || !rest[segments[1]].SequenceEqual("items"))
            return next(context);

        var collection = RequireName(rest[segments[0]].ToString());
        var target = new ItemTarget(
            collection,
            RawTarget.DecodeKey(rest[segments[2]], "pk"),
            count == 4 ? RawTarget.DecodeKey(rest[segments[3]], "id") : null);
        context.Features.Set(target);
        context.Request.Path = target.Id is null ? $"{Prefix}{collection}/items/~" : $"{Prefix}{collection}/items/~/~";
        return next(context);
    }

    /// <summary>The framework would take <c>GET cities:batchGet</c> for the collection "cities:batchGet".</summary>
    private static Task RefuseMethod(HttpContext context, ReadOnlySpan<char> verb)
    {
        var isKnown = verb is "batchGet" or "batchWrite";
        if (isKnown)
            return AllowOnly(context, "POST");
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

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
        : throw new ProblemException(Problems.InvalidKey($"A collection's name is {CollectionName.Rule}."));
}
