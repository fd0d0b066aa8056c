using ShardAdmin.Agents;
using ShardAdmin.CommandLine;

namespace ShardAdmin.Telemetry;

/// <summary>All that an agent has for <c>--metrics</c>.</summary>
internal sealed class MoveTelemetry : IAsyncDisposable
{
    private readonly MoveMetrics _metrics = new();
    private readonly MetricsServer _server;

    /// <exception cref="CommandFailedException">Nothing can be served there.</exception>
    public MoveTelemetry(AdminSession session, MetricsAddress address, AgentLog log)
    {
        _server = new MetricsServer(address); // before the first reading: what is counted before it listens is not counted
        Watch = new JournalWatch(session, _metrics, log);
        log.Say("metrics", $"{address}/metrics");
    }

    public JournalWatch Watch { get; }

    public async ValueTask DisposeAsync()
    {
        await Watch.DisposeAsync();
        _server.Dispose();
        _metrics.Dispose();
    }
}
