using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using ShardCore.RingStorage;
using ShardRouter.Collections;
using ShardRouter.Consistency;
using ShardRouter.Endpoints;
using ShardRouter.Http;
using ShardRouter.Items;
using ShardRouter.Operations;
using ShardRouter.Payload;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Shards.Standbys;
using ShardRouter.Telemetry;

namespace ShardRouter.Configuration;

/// <summary>What the program is made of, one method a folder.</summary>
internal static class Composition
{
    private static readonly MinDataRate SlowestClient = new(bytesPerSecond: 16 * 1024, gracePeriod: TimeSpan.FromSeconds(5));

    public static void AddListeners(this WebApplicationBuilder builder, RouterOptions options)
    {
        PayloadBudget.Process.Most = options.PayloadMebibytes * 1024L * 1024;
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true); // see SocketThreads
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = RequestBody.MaxBatchBytes + 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024; // pk and id of 1,024 bytes each, all percent-encoded, and a query
            kestrel.Limits.MaxRequestBufferSize = 128 * 1024; // of a connection; a body is taken over as it arrives
            kestrel.Limits.MinResponseDataRate = SlowestClient; // whoever reads slower holds memory that others need
            kestrel.Limits.MinRequestBodyDataRate = SlowestClient;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(5); // longer than the proxy keeps idle connections
            Listen(kestrel, options.Bind, options.DataPort);
            Listen(kestrel, options.Bind, options.OperationsPort);
        });
        builder.Host.ConfigureHostOptions(host => host.ShutdownTimeout = options.DrainDelay + TimeSpan.FromSeconds(35)); // the longest request has 30
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite); // who reads too slowly shall not stop requests
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true).AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // a logging scope and an activity for each request, which nobody reads
    }

    public static IServiceCollection AddRingRouting(this IServiceCollection services, RouterOptions options) => services
        .AddSingleton(new RedisKeys(options.ClusterName))
        .AddSingleton<RouterRegistry>()
        .AddSingleton<RingHolder>()
        .AddSingleton<RingDiskCopy>()
        .AddSingleton<RingWatcher>().AddHostedService(provider => provider.GetRequiredService<RingWatcher>())
        .AddHostedService<Registration>()
        .AddSingleton<HeldSlots>()
        .AddSingleton<SlotDispatch>();

    public static IServiceCollection AddShards(this IServiceCollection services) => services
        .AddSingleton<ShardPools>().AddHostedService(provider => provider.GetRequiredService<ShardPools>())
        .AddHostedService<TakeoverNews>()
        .AddSingleton<ShardHistories>().AddSingleton<ShardPositionStore>().AddHostedService<PositionReports>();

    public static IServiceCollection AddItems(this IServiceCollection services) => services
        .AddSingleton<StandbyFirst>().AddSingleton<TokenCheck>().AddSingleton<SessionReader>()
        .AddSingleton<ItemReader>().AddSingleton<ItemWriter>().AddSingleton<PartitionReader>().AddSingleton<CursorSecret>().AddSingleton<CollectionCatalog>();

    public static IServiceCollection AddHttpApi(this IServiceCollection services) => services
        .AddSingleton<Answer>().AddSingleton<Pipeline>()
        .AddSingleton<ItemEndpoints>().AddSingleton<PartitionEndpoints>().AddSingleton<BatchEndpoints>().AddSingleton<TransactionEndpoints>()
        .AddSingleton<LocateEndpoints>().AddSingleton<CollectionEndpoints>();

    public static IServiceCollection AddOperations(this IServiceCollection services) => services
        .AddSingleton<RequestsInFlight>()
        .AddSingleton<Drain>().AddHostedService(provider => provider.GetRequiredService<Drain>())
        .AddSingleton<OperationsEndpoints>()
        .AddHostedService<ExpirySweep>();

    public static IServiceCollection AddTelemetry(this IServiceCollection services) => services
        .AddSingleton<RouterMetrics>()
        .AddSingleton(_ => Sdk.CreateMeterProviderBuilder()
            .AddMeter(RouterMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "System.Runtime")
            .AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0) // who asks learns how it is now
            .Build());

    public static void ObserveMetrics(this WebApplication app)
    {
        var holder = app.Services.GetRequiredService<RingHolder>();
        var inFlight = app.Services.GetRequiredService<RequestsInFlight>();
        var pools = app.Services.GetRequiredService<ShardPools>();
        app.Services.GetRequiredService<RouterMetrics>().Observe(
            () => holder.Current?.Epoch.Value ?? 0,
            () => inFlight.Count,
            () => pools.Measure(pool => pool.InUse),
            () => pools.Measure(pool => pool.Waiting),
            () => pools.Measure(pool => pool.Circuit.IsClosed ? 1 : 0),
            () => app.Services.GetRequiredService<ItemReader>().Queues.Measure()
                .Concat(app.Services.GetRequiredService<SessionReader>().Queues.Measure()).Concat(app.Services.GetRequiredService<ItemWriter>().Queues.Measure()),
            () => app.Services.GetRequiredService<HeldSlots>().Waiting,
            () => app.Services.GetRequiredService<RingWatcher>().RedisAnswers ? 1 : 0,
            app.Services.GetRequiredService<ShardHistories>().Measure,
            pools.MeasureDisagreeing,
            () => pools.Measure(pool => pool.Abandoned),
            () => PayloadBudget.Process.Taken);
    }

    /// <summary>The API, on its port only.</summary>
    public static void MapDataPort(this WebApplication app, RouterOptions options) => app.MapWhen(
        context => context.Connection.LocalPort == options.DataPort,
        data =>
        {
            data.Use(next => context => data.ApplicationServices.GetRequiredService<Pipeline>().Handle(context, next));
            data.Use(next => context => ItemTarget.Extract(context, next));
            data.UseRouting();
            data.UseEndpoints(routes =>
            {
                var services = data.ApplicationServices;
                services.GetRequiredService<ItemEndpoints>().Map(routes);
                services.GetRequiredService<PartitionEndpoints>().Map(routes);
                services.GetRequiredService<BatchEndpoints>().Map(routes);
                services.GetRequiredService<TransactionEndpoints>().Map(routes);
                services.GetRequiredService<LocateEndpoints>().Map(routes);
                services.GetRequiredService<CollectionEndpoints>().Map(routes);
                OpenApiEndpoints.Map(routes);
            });
        });

    /// <summary>Health and metrics, on their port only.</summary>
    public static void MapOperationsPort(this WebApplication app, RouterOptions options) => app.MapWhen(
        context => context.Connection.LocalPort == options.OperationsPort,
        operations =>
        {
            operations.Use(next => async context =>
            {
                await SocketThreads.Leave(); // collecting metrics takes long, and waits for whoever collects already
                await next(context);
            });
            operations.UseRouting();
            operations.UseOpenTelemetryPrometheusScrapingEndpoint(
                operations.ApplicationServices.GetRequiredService<MeterProvider>(), predicate: null, path: "/metrics", configureBranchedPipeline: null, optionsName: null);
            operations.UseEndpoints(routes => operations.ApplicationServices.GetRequiredService<OperationsEndpoints>().Map(routes));
        });

    private static void Listen(KestrelServerOptions kestrel, string bind, int port)
    {
        if (bind == "*")
            kestrel.ListenAnyIP(port, listen => listen.Protocols = HttpProtocols.Http1);
        else
            kestrel.Listen(IPAddress.Parse(bind), port, listen => listen.Protocols = HttpProtocols.Http1);
    }
}
