using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ShardCore.RingStorage;
using ShardRouter.Access;
using ShardRouter.Configuration;
using ShardRouter.Limits;

namespace ShardRouter.Tests.Access;

/// <summary>The routes of the program itself, mapped as it maps them; nothing is started.</summary>
internal static class RouteList
{
    /// <returns>One text for each route and method, such as <c>GET /v1/collections</c>.</returns>
    public static async Task<IReadOnlyList<string>> ReadAsync()
    {
        var options = RouterOptions.FromEnvironment(_ => null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton(options).AddSingleton(TimeProvider.System).AddSingleton(await RedisConnection.OpenAsync("127.0.0.1:1"));
        builder.Services.AddRouting().AddRingRouting(options).AddShards()
            .AddLimits(LimitOptions.FromEnvironment(_ => null)).AddAccess(new AccessOptions(IsOpen: false, null))
            .AddItems().AddQueries().AddHttpApi().AddOperations().AddTelemetry();
        await using var app = builder.Build();
        Composition.MapRoutes(app, app.Services);
        return [.. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>().SelectMany(route =>
            route.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods.Select(method => $"{method} {route.RoutePattern.RawText}"))];
    }
}
