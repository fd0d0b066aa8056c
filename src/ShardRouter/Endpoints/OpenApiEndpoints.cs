using System.Diagnostics;
using System.Text;
using ShardRouter.Access;
using ShardRouter.Http;
using ShardRouter.Telemetry;

namespace ShardRouter.Endpoints;

/// <summary>
/// The API's description (openapi.json). It is written by hand as the contract, and tests compare it with the routes. The router fills in
/// its version.
/// </summary>
internal static class OpenApiEndpoints
{
    private const string Path = "/openapi/v1.json";

    private static readonly byte[] Document = Load();

    public static void Map(IEndpointRouteBuilder routes) => routes.MapGet(Path, context =>
    {
        Answer.Timing(context, "router", Stopwatch.GetTimestamp());
        return Answer.Json(context, Document);
    }).IsPublic();

    /// <summary>The same on the operations port, where the reference page reads it.</summary>
    public static void MapDocument(IEndpointRouteBuilder routes) => routes.MapGet(Path, context =>
    {
        context.Response.ContentType = "application/json";
        return context.Response.Body.WriteAsync(Document).AsTask();
    });

    private static byte[] Load()
    {
        using var reader = new StreamReader(typeof(OpenApiEndpoints).Assembly.GetManifestResourceStream("openapi.json")!, Encoding.UTF8);
        return Encoding.UTF8.GetBytes(reader.ReadToEnd().Replace("\"{product version}\"", $"\"{ProductVersion.Text}\"", StringComparison.Ordinal));
    }
}
