using System.Net;
using System.Net.Sockets;

namespace Workbench;

/// <summary>Finds ports for one more cluster of <c>./dev</c> (DEV_PORT_OFFSET).</summary>
internal static class PortOffset
{
    /// <summary>All ports are below those that the kernel gives to outgoing connections.</summary>
    private const int Least = 14_000;

    private const int Step = 30;
    private const int Steps = 300;
    private const int MaxAttempts = 200;

    /// <param name="basePorts">The ports that the cluster would have without an offset.</param>
    /// <exception cref="InvalidOperationException">All are taken.</exception>
    public static int Free(int[] basePorts)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var offset = Least + (Random.Shared.Next(Steps) * Step);
            if (Array.TrueForAll(basePorts, port => IsFree(port + offset)))
                return offset;
        }
        throw new InvalidOperationException("No free range of ports was found for a cluster.");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
