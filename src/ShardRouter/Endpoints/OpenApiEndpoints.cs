using System.Diagnostics;
using ShardRouter.Http;

namespace ShardRouter.Endpoints;

/// <summary>The API's description, written by hand as the contract (openapi.json) and held to the routes by a test.</summary>
internal static class OpenApiEndpoints
{
    private static readonly byte[] Document = Load();

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet("/openapi/v1.json", context =>
    {
        Answer.Timing(context, "router", Stopwatch.GetTimestamp());
        return Answer.Json(context, Document);
    });

    private static byte[] Load()
    {
        using var stream = typeof(OpenApiEndpoints).Assembly.GetManifestResourceStream("openapi.json")!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
