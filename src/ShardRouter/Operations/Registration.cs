using System.Reflection;
using ShardCore.RingStorage;
using ShardRouter.Configuration;
using ShardRouter.Draining;
using ShardRouter.Rings;

namespace ShardRouter.Operations;

/// <summary>This router's entry in the registry. It is written every second, and removed when the router stops.</summary>
internal sealed partial class Registration(
    RouterRegistry registry, RingHolder holder, RouterOptions options, RequestsInFlight inFlight, Drain drain, TimeProvider time,
    ILogger<Registration> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly string Version =
        typeof(Registration).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await registry.WriteAsync(Heartbeat(), stoppingToken);
            }
            catch (RedisUnavailableException)
            {
                // RingWatcher logs that Redis is away; an entry without heartbeats expires by itself
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            await registry.RemoveAsync(options.RouterId, CancellationToken.None);
        }
        catch (RedisUnavailableException e)
        {
            LogNotRemoved(e.Message);
        }
    }

    private RouterHeartbeat Heartbeat() => new(
        options.RouterId, options.Advertise, OperationsUrl(), Environment.ProcessId, holder.Current?.Epoch.Value ?? 0, Version,
        inFlight.Count, drain.HasBegun, time.GetUtcNow());

    private string OperationsUrl() =>
        new UriBuilder(options.Advertise) { Scheme = Uri.UriSchemeHttp, Port = options.OperationsPort }
            .Uri.GetLeftPart(UriPartial.Authority);

    [LoggerMessage(LogLevel.Warning, "The registry still lists this router until its heartbeat expires: {Reason}")]
    private partial void LogNotRemoved(string reason);
}
