using ShardAdmin.CommandLine;
using ShardAdmin.Telemetry;

namespace ShardAdmin.Agents;

/// <summary>The parts of an agent that <c>--metrics</c> needs.</summary>
internal sealed class MoveTelemetry : IAsyncDisposable
{
    private readonly MoveMetrics _metrics = new();
    private readonly MetricsServer _server;

    /// <exception cref="CommandFailedException">Metrics cannot be served at this address.</exception>
    public MoveTelemetry(AdminSession session, MetricsAddress address, AgentLog log)
    {
        _server = new MetricsServer(address); // before the first reading: the exporter does not see earlier counts
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
