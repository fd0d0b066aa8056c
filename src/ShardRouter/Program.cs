using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardRouter.Configuration;
using ShardRouter.Routing;
using ShardRouter.Shards;

SocketThreads.RunRequests();

RouterOptions options;
try
{
    options = RouterOptions.FromEnvironment(Environment.GetEnvironmentVariable);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync($"The router was not started: {e.Message}");
    return 2;
}

// No file is a source of settings. The builder would watch the working directory for one, with all that is below it, and
// where that is a checkout with a cluster's data in it, every write of Postgres would wake the router.
var builder = WebApplication.CreateSlimBuilder([.. args, "--hostBuilder:reloadConfigOnChange=false"]);
builder.AddListeners(options);
builder.Services.AddSingleton(options).AddSingleton(TimeProvider.System);
builder.Services.AddSingleton(await RedisConnection.OpenAsync(options.Redis));
builder.Services.AddRouting().AddRingRouting(options).AddShards().AddItems().AddHttpApi().AddOperations().AddTelemetry();

var app = builder.Build();
app.ObserveMetrics();
await app.Services.GetRequiredService<RingWatcher>().LoadAsync(CancellationToken.None);
if (app.Services.GetRequiredService<RingHolder>().Current is { } ring)
    app.Services.GetRequiredService<ShardPools>().Warm(ring);

app.MapDataPort(options);
app.MapOperationsPort(options);
await app.RunAsync();
return 0;
