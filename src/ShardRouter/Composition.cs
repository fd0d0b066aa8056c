using System.Net;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Net.Http.Headers;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using ShardCore.RingStorage;
using ShardRouter.Access;
using ShardRouter.Collections;
using ShardRouter.Configuration;
using ShardRouter.Consistency;
using ShardRouter.Draining;
using ShardRouter.Endpoints;
using ShardRouter.Http;
using ShardRouter.Indexes;
using ShardRouter.Items;
using ShardRouter.Limits;
using ShardRouter.Operations;
using ShardRouter.Partitions;
using ShardRouter.Payload;
using ShardRouter.Queries;
using ShardRouter.Queries.Costs;
using ShardRouter.Rings;
using ShardRouter.Routing;
using ShardRouter.Shards;
using ShardRouter.Telemetry;
using ShardRouter.Tls;

namespace ShardRouter;

/// <summary>Puts the program together, with one method per folder.</summary>
internal static class Composition
{
    private static readonly MinDataRate SlowestClient = new(bytesPerSecond: 16 * 1024, gracePeriod: TimeSpan.FromSeconds(5));

    private static readonly ContentLengthText LengthText = new();

    public static void AddListeners(this WebApplicationBuilder builder, RouterOptions options, ServerCertificate? certificate)
    {
        PayloadBudget.Process.Most = options.PayloadMebibytes * 1024L * 1024;
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true); // see SocketThreads
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Every byte is a character: a header that is no UTF-8 harms nobody.
            kestrel.RequestHeaderEncodingSelector = name => name == HeaderNames.ContentLength ? LengthText : Encoding.Latin1;
            kestrel.Limits.MaxRequestBodySize = RequestBody.MaxBatchBytes + 1024;
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024; // pk and id of 1,024 bytes each, all percent-encoded, and a query
            kestrel.Limits.MaxRequestBufferSize = 128 * 1024; // per connection; a body is taken over as it arrives
            kestrel.Limits.MinResponseDataRate = SlowestClient; // a slower client holds memory that others need
            kestrel.Limits.MinRequestBodyDataRate = SlowestClient;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(5); // longer than the proxy keeps idle connections
            Listen(kestrel, options.Bind, options.DataPort, certificate);
            Listen(kestrel, options.Bind, options.OperationsPort, certificate: null); // it has no keys and no documents
        });
        if (certificate is not null)
            builder.AddTls(certificate);
        // The longest request may take 30 seconds.
        builder.Host.ConfigureHostOptions(host => host.ShutdownTimeout = options.DrainDelay + TimeSpan.FromSeconds(35));
        // A slow reader of the console must not stop requests.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
        builder.Logging.AddSimpleConsole(console =>
            (console.SingleLine, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z' "))
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None); // nobody reads its scope and activity for each request
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
        .AddSingleton<ItemReader>().AddSingleton<ItemWriter>().AddSingleton<PartitionReader>()
        .AddSingleton<CursorSecret>().AddSingleton<CollectionCatalog>()
        .AddSingleton<PartitionLister>().AddSingleton<PartitionDeletion>();

    public static IServiceCollection AddQueries(this IServiceCollection services) => services
        .AddSingleton<Scatter>().AddSingleton<ScanReader>().AddSingleton<QueryReader>().AddSingleton<AggregateReader>()
        .AddSingleton<CountReader>().AddSingleton<QueryRoute>().AddSingleton<IndexCatalog>()
        .AddSingleton<QueryMetrics>().AddSingleton<QueryStatistics>();

    public static IServiceCollection AddHttpApi(this IServiceCollection services) => services
        .AddSingleton<Answer>().AddSingleton<Pipeline>()
        .AddSingleton<ItemEndpoints>().AddSingleton<PartitionEndpoints>().AddSingleton<BatchEndpoints>()
        .AddSingleton<TransactionEndpoints>()
        .AddSingleton<QueryRefusals>().AddSingleton<PageAnswer>().AddSingleton<QueryEndpoints>().AddSingleton<ScanEndpoints>()
        .AddSingleton<PartitionListEndpoints>().AddSingleton<PartitionDeletionEndpoints>()
        .AddSingleton<LocateEndpoints>().AddSingleton<CollectionEndpoints>().AddSingleton<IndexEndpoints>();

    public static IServiceCollection AddLimits(this IServiceCollection services, LimitOptions options) =>
        services.AddSingleton(options).AddSingleton<RequestLimits>();

    public static IServiceCollection AddOperations(this IServiceCollection services) => services
        .AddSingleton<RequestsInFlight>()
        .AddSingleton<Drain>().AddHostedService(provider => provider.GetRequiredService<Drain>())
        .AddSingleton<OperationsEndpoints>()
        .AddHostedService<ExpirySweep>();

    public static IServiceCollection AddTelemetry(this IServiceCollection services) => services
        .AddSingleton<RouterMetrics>()
        .AddSingleton(_ => Sdk.CreateMeterProviderBuilder()
            .AddMeter(RouterMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "System.Runtime")
            .AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0) // each scrape gets the values of now
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
                .Concat(app.Services.GetRequiredService<SessionReader>().Queues.Measure())
                .Concat(app.Services.GetRequiredService<ItemWriter>().Queues.Measure()),
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
            data.Use(next => context => data.ApplicationServices.GetRequiredService<AccessControl>().Handle(context, next));
            data.Use(next => context => QueryParameters.RefuseUnknown(context, next));
            data.UseEndpoints(routes => MapRoutes(routes, data.ApplicationServices));
        });

    /// <summary>Every route of the API.</summary>
    /// <exception cref="InvalidOperationException">One of them has no rule who may use it.</exception>
    public static void MapRoutes(IEndpointRouteBuilder routes, IServiceProvider services)
    {
        services.GetRequiredService<ItemEndpoints>().Map(routes);
        services.GetRequiredService<PartitionEndpoints>().Map(routes);
        services.GetRequiredService<PartitionListEndpoints>().Map(routes);
        services.GetRequiredService<PartitionDeletionEndpoints>().Map(routes);
        services.GetRequiredService<BatchEndpoints>().Map(routes);
        services.GetRequiredService<QueryEndpoints>().Map(routes);
        services.GetRequiredService<ScanEndpoints>().Map(routes);
        services.GetRequiredService<TransactionEndpoints>().Map(routes);
        services.GetRequiredService<LocateEndpoints>().Map(routes);
        services.GetRequiredService<CollectionEndpoints>().Map(routes);
        services.GetRequiredService<IndexEndpoints>().Map(routes);
        OpenApiEndpoints.Map(routes);
        AccessRules.RequireOneEach(routes);
    }

    /// <summary>Health and metrics, on their port only.</summary>
    public static void MapOperationsPort(this WebApplication app, RouterOptions options) => app.MapWhen(
        context => context.Connection.LocalPort == options.OperationsPort,
        operations =>
        {
            operations.Use(next => async context =>
            {
                await SocketThreads.Leave(); // collecting metrics takes long, and waits for a collection that runs already
                await next(context);
            });
            operations.UseRouting();
            operations.UseOpenTelemetryPrometheusScrapingEndpoint(
                operations.ApplicationServices.GetRequiredService<MeterProvider>(), predicate: null, path: "/metrics", configureBranchedPipeline: null, optionsName: null);
            operations.UseEndpoints(routes => operations.ApplicationServices.GetRequiredService<OperationsEndpoints>().Map(routes));
        });

    private static void Listen(KestrelServerOptions kestrel, string bind, int port, ServerCertificate? certificate)
    {
        if (bind == "*")
            kestrel.ListenAnyIP(port, Configure);
        else
            kestrel.Listen(IPAddress.Parse(bind), port, Configure);

        void Configure(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            if (certificate is not null)
                listen.UseTls(certificate);
        }
    }
}
