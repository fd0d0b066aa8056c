using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace TestCluster;

/// <summary>
/// Hands out free TCP ports below the range that the kernel gives to outgoing connections (32768 and up): a server that
/// is down for a moment must find its port still free when it comes back.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int Last = 31_999;

    private static readonly ConcurrentDictionary<int, bool> Given = new();

    public static int Next(IPAddress? address = null)
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = Random.Shared.Next(First, Last + 1); // random, so that test processes side by side seldom collide
            if (IsFree(address ?? IPAddress.Loopback, port) && Given.TryAdd(port, true))
                return port;
        }
        throw new InvalidOperationException($"No free port found in {First}…{Last}.");
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
