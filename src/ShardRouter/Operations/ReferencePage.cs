using Scalar.AspNetCore;
using ShardRouter.Endpoints;

namespace ShardRouter.Operations;

/// <summary>
/// The API's reference as a page for people, at /reference of the operations port. The router serves every script, style and font of it.
/// The page asks no other host: its settings switch off what would, and its security policy makes the browser refuse the rest.
/// </summary>
internal static class ReferencePage
{
    private const string OnlyThisHost =
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <param name="dataUrl">Where requests go; the page shows it in its examples.</param>
    public static void Map(IEndpointRouteBuilder routes, string dataUrl)
    {
        OpenApiEndpoints.MapDocument(routes);
        routes.MapScalarApiReference("/reference", (options, context) =>
        {
            context.Response.Headers.ContentSecurityPolicy = OnlyThisHost;
            options.AddServer(dataUrl, "This router; applications go to the proxy in front of all routers.");
            // The page is there for reading: its policy lets it send no request to the data port.
            options.WithTitle("Sharded data service").DisableDefaultFonts().DisableTelemetry().DisableAgent().DisableMcp()
                .HideDeveloperTools().HideClientButton();
            options.HideTestRequestButton = true;
        });
    }
}
