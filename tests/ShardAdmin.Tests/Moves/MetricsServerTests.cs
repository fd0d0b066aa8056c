using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ShardAdmin.Telemetry;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

public sealed class MetricsServerTests
{
    private const int Starts = 200; // without the remedy a few of them fail

    [Fact]
    public async Task Whoever_asks_in_the_moment_in_which_it_starts_does_not_end_it()
    {
        var port = FreePort.Next();
        var address = MetricsAddress.Parse(port.ToString(CultureInfo.InvariantCulture))!;
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(() => Ask(port, stop.Token), TaskCreationOptions.LongRunning)).ToArray();
        try
        {
            for (var start = 0; start < Starts; start++)
                using (new MetricsServer(address))
                    await Task.Yield();

            using var server = new MetricsServer(address);
            using var client = new ApiClient(new Uri(address.ToString()));
            Assert.Equal(200, (await client.GetAsync("/health/live")).Status);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(asking);
        }
    }

    private static void Ask(int port, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
            }
            catch (SocketException)
            {
                // It is not open now.
            }
        }
    }
}
