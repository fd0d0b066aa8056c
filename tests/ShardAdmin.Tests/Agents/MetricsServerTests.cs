using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ShardAdmin.Telemetry;
using TestCluster;

namespace ShardAdmin.Tests.Agents;

public sealed class MetricsServerTests
{
    private const int Starts = 100; // without the remedy several of them fail

    private int _port;

    [Fact]
    public async Task Whoever_asks_in_the_moment_in_which_it_starts_does_not_end_it()
    {
        using var stop = new CancellationTokenSource();
        var asking = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(() => Ask(stop.Token), TaskCreationOptions.LongRunning)).ToArray();
        try
        {
            for (var start = 0; start < Starts; start++)
            {
                Volatile.Write(ref _port, FreePort.Next()); // another each time, as one that was closed just now may not be had at once
                var address = MetricsAddress.Parse(_port.ToString(CultureInfo.InvariantCulture))!;
                using var server = new MetricsServer(address);
                using var client = new ApiClient(new Uri(address.ToString()));
                Assert.Equal(200, (await client.GetAsync("/health/live")).Status);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(asking);
        }
    }

    private void Ask(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, Volatile.Read(ref _port));
            }
            catch (Exception e) when (e is SocketException or ArgumentOutOfRangeException)
            {
                // It is not open now.
            }
        }
    }
}
