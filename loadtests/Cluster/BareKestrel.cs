using System.Globalization;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>Starts the program in loadtests/BareKestrel, which answers a constant.</summary>
internal static class BareKestrel
{
    private static string Program => Path.Combine(Repository.Root, "loadtests", "BareKestrel", "bin", "Release", "net10.0", "BareKestrel.dll");

    /// <returns>The server, its address, and how long it took to answer.</returns>
    public static async Task<(ChildServer Server, Uri Url, TimeSpan StartToReady)> StartAsync(CancellationToken cancellation)
    {
        var port = FreePorts.Find(1)[0];
        var url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
        var (server, time) = await ChildServer.StartAsync(Program, [port.ToString(CultureInfo.InvariantCulture)], null, url, cancellation);
        return (server, url, time);
    }
}
