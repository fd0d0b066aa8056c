using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardRouter;
using ShardRouter.Access;
using ShardRouter.Configuration;
using ShardRouter.Limits;
using ShardRouter.Rings;
using ShardRouter.Shards;
using ShardRouter.Tls;

SocketThreads.RunRequests();

RouterOptions options;
AccessOptions access;
ServerCertificate? certificate;
LimitOptions limits;
try
{
    options = RouterOptions.FromEnvironment(Environment.GetEnvironmentVariable);
    access = AccessOptions.FromEnvironment(Environment.GetEnvironmentVariable);
    ShardEncryption.FromEnvironment(Environment.GetEnvironmentVariable); // here, so that its message is shown
    certificate = ServerCertificate.FromFiles(options.TlsFiles);
    limits = LimitOptions.FromEnvironment(Environment.GetEnvironmentVariable);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync($"The router was not started: {e.Message}");
    return 2;
}

// Settings never come from a file. The builder would watch the working directory, and everything below it, for such a file. If that is a
// checkout with a cluster's data in it, every write of Postgres would wake the router.
var builder = WebApplication.CreateSlimBuilder([.. args, "--hostBuilder:reloadConfigOnChange=false"]);
builder.AddListeners(options, certificate);
builder.Services.AddSingleton(options).AddSingleton(TimeProvider.System);
builder.Services.AddSingleton(await RedisConnection.OpenAsync(options.Redis));
builder.Services.AddRouting().AddRingRouting(options).AddShards().AddLimits(limits).AddAccess(access)
    .AddItems().AddQueries().AddHttpApi().AddOperations().AddTelemetry();

var app = builder.Build();
app.ObserveMetrics();
await app.Services.GetRequiredService<RingWatcher>().LoadAsync(CancellationToken.None);
if (app.Services.GetRequiredService<RingHolder>().Current is { } ring)
    app.Services.GetRequiredService<ShardPools>().Warm(ring);

app.MapDataPort(options);
app.MapOperationsPort(options);
await app.RunAsync();
return 0;
