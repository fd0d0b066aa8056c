using System.Net;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using ShardAdmin.Failures;

namespace ShardAdmin.Telemetry;

/// <summary>Serves <c>/metrics</c> and <c>/health/live</c>. Not for the public.</summary>
/// <remarks>
/// Only this class names OpenTelemetry: the library is not loaded unless metrics are served. It uses .NET's own HTTP listener, because the
/// router's exporter needs ASP.NET, and then every command would start with ASP.NET.
/// </remarks>
internal sealed class MetricsServer : IDisposable
{
    /// <summary>The listener's error code for a host that has no address.</summary>
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
            // First this one: it tells why it cannot listen. Listeners of one process share a port.
            _health = Listen($"{address}/health/");
            _provider = Export(address);
        }
        catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
        {
            _health?.Close();
            throw new CommandFailedException(
                ExitCode.Precondition, $"Metrics cannot be served at {address}: {Reason(e)}",
                "the same command with another --metrics [HOST:]PORT, or without");
        }
        _ = AnswerAsync();
    }

    public void Dispose()
    {
        _health.Close();
        _provider.Dispose();
    }

    /// <remarks>
    /// A scraper or a health check may connect in the moment in which the port is opened. Then .NET's listener, which is not constructed
    /// yet, throws and leaves the port open in a socket that nobody holds (dotnet/runtime's <c>HttpEndPointListener</c> accepts in its
    /// constructor). This method closes that socket and starts the listener again.
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

    /// <summary>The garbage collector closes the socket that nobody holds. It may need more than one try.</summary>
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
            options.ScrapeResponseCacheDurationMilliseconds = 0; // each scrape gets the present values
            options.ScopeInfoEnabled = options.TargetInfoEnabled = false;
            options.ConfigureHttpListener = (_, listener) => // the library's own option for prefixes does not accept "*"
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
