using System.Net;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using ShardAdmin.CommandLine;

namespace ShardAdmin.Telemetry;

/// <summary><c>/metrics</c> and <c>/health/live</c>. Not for the public.</summary>
/// <remarks>
/// The one place that names OpenTelemetry, so that nothing of it is loaded unless metrics are served. By .NET's own HTTP
/// listener: the exporter that the router has needs ASP.NET, which every command would then start with.
/// </remarks>
internal sealed class MetricsServer : IDisposable
{
    /// <summary>What the listener says of a host without an address.</summary>
    private const int NotSupported = 50;

    private const int MaxStarts = 10;

    private static readonly TimeSpan AbandonedPause = TimeSpan.FromMilliseconds(10);

    private readonly HttpListener _health;
    private readonly MeterProvider _provider;

    /// <exception cref="CommandFailedException">The port is in use, or the address is not of this machine.</exception>
    public MetricsServer(MetricsAddress address)
    {
        try
        {
            _health = Listen($"{address}/health/"); // first: it tells why it cannot, and listeners of one process share a port
            _provider = Export(address);
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            _health?.Close();
            throw new CommandFailedException(
                ExitCode.Precondition, $"Metrics cannot be served at {address}: {Reason(e)}", "the same command with another --metrics [HOST:]PORT, or without");
        }
        _ = AnswerAsync();
    }

    public void Dispose()
    {
        _health.Close();
        _provider.Dispose();
    }

    /// <remarks>
    /// Who asks in the moment in which the port is opened, as a scraper or a health check does, meets a listener that is not made yet, and
    /// .NET's throws over that, leaving the port open in a socket that nobody has (dotnet/runtime's <c>HttpEndPointListener</c> accepts in its constructor).
    /// </remarks>
    private static HttpListener Listen(string prefix)
    {
        var isAbandoned = false;
        for (var start = 1; ; start++)
        {
            var listener = new HttpListener { Prefixes = { prefix } };
            try
            {
                listener.Start();
                return listener;
            }
            catch (Exception e) when (start < MaxStarts && (e is ArgumentNullException || (isAbandoned && e is HttpListenerException)))
            {
                isAbandoned = true;
                CloseAbandoned();
            }
            catch
            {
                listener.Close();
                throw;
            }
        }
    }

    /// <summary>The socket that nobody has is closed when it is collected, which may take more than one try.</summary>
    private static void CloseAbandoned()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Thread.Sleep(AbandonedPause);
    }

    private static MeterProvider Export(MetricsAddress address) => Sdk.CreateMeterProviderBuilder()
        .AddMeter(MoveMetrics.MeterName)
        .AddPrometheusHttpListener(options =>
        {
            options.ScrapeResponseCacheDurationMilliseconds = 0; // who asks learns how it is now
            options.ScopeInfoEnabled = options.TargetInfoEnabled = false;
            options.ConfigureHttpListener = (_, listener) => // its own option takes no "*"
            {
                listener.Prefixes.Clear();
                listener.Prefixes.Add($"{address}/metrics/");
            };
        })
        .Build();

    private async Task AnswerAsync()
    {
        while (_health.IsListening)
            try
            {
                var context = await _health.GetContextAsync();
                var isLive = context.Request.Url?.AbsolutePath == "/health/live";
                context.Response.StatusCode = isLive ? 200 : 404;
                context.Response.Close(isLive ? "live\n"u8.ToArray() : [], willBlock: false);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // The client has gone, or the listener is closed.
            }
    }

    private static string Reason(Exception e) => (e.InnerException ?? e) is HttpListenerException { ErrorCode: not NotSupported } known
        ? $"{known.Message}."
        : "The host is not known here.";
}
