using ShardRouter.Configuration;

namespace ShardRouter.Operations;

/// <summary>
/// Leaving without a failed request. On SIGTERM: 1. not ready any more, and every answer asks its connection to close;
/// 2. go on serving for <see cref="RouterOptions.DrainDelay"/>, in which the proxy notices and sends its work
/// elsewhere; 3. the host stops: Kestrel finishes what is in flight, the registry entry goes, exit code 0.
/// Stopping at once would reset requests that the proxy had already sent on their way.
/// </summary>
internal sealed partial class Drain(RouterOptions options, TimeProvider time, ILogger<Drain> log) : IHostedLifecycleService
{
    private volatile bool _hasBegun;

    public bool HasBegun => _hasBegun;

    /// <summary>Called before anything is stopped; the host waits for it.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _hasBegun = true;
        LogDraining(options.DrainDelay);
        await Task.Delay(options.DrainDelay, time, CancellationToken.None);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "Draining: not ready, serving for {Delay} more")]
    private partial void LogDraining(TimeSpan delay);
}
