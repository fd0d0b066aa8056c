using ShardCore.RingStorage;
using ShardRouter.Configuration;
using ShardRouter.Routing;
using ShardRouter.Shards;

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

var builder = WebApplication.CreateSlimBuilder(args);
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
