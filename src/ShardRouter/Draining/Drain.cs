using ShardRouter.Configuration;

namespace ShardRouter.Draining;

/// <summary>
/// Stops the router without a failed request. On SIGTERM:
/// 1. The router is not ready any more, and every answer asks its connection to close.
/// 2. It goes on serving for <see cref="RouterOptions.DrainDelay"/>. In that time the proxy notices and sends requests elsewhere.
/// 3. The host stops: Kestrel finishes the requests in flight, the registry entry is removed, and the exit code is 0.
/// Stopping at once would reset requests that the proxy had already sent.
/// </summary>
internal sealed partial class Drain(RouterOptions options, TimeProvider time, ILogger<Drain> log) : IHostedLifecycleService
{
    private volatile bool _hasBegun;

    public bool HasBegun => _hasBegun;

    /// <summary>The host calls this before it stops anything, and waits for it.</summary>
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
