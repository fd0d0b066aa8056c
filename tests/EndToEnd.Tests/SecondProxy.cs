using System.Globalization;
using TestCluster;

namespace EndToEnd.Tests;

/// <summary>One more HAProxy with deploy/haproxy.cfg in front of a router that speaks TLS. It speaks none itself.</summary>
internal sealed class SecondProxy : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly string _folder;

    private SecondProxy(ChildProcess process, string folder, int port) => (_process, _folder, Url) = (process, folder, Local(port));

    public Uri Url { get; }

    /// <param name="caFile">The authorities whose routers it believes.</param>
    /// <param name="name">The name that a router's certificate has to have.</param>
    public static async Task<SecondProxy> StartAsync(ClusterStatus.Router router, string caFile, string name)
    {
        var folder = TemporaryFolder.NewPath("proxy");
        Directory.CreateDirectory(folder);
        var (data, operations) = (new Uri(router.Url), new Uri(router.Ops));
        var lines = await File.ReadAllLinesAsync(Path.Combine(DevCluster.Root, "deploy", "haproxy.cfg"));
        var file = Path.Combine(folder, "haproxy.cfg");
        await File.WriteAllLinesAsync(file, lines.Select(line => line.TrimStart().StartsWith("server-template", StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"  server r1 {data.Host}:{data.Port} port {operations.Port}")
            : line));
        var (port, statistics) = (FreePort.Next(), FreePort.Next());
        var process = ChildProcess.Start(RequiredProgram.Find("haproxy", "haproxy"), ["-f", file], environment: new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["PROXY_BIND"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"),
            ["STATS_BIND"] = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{statistics}"),
            ["PROXY_SOCK"] = Path.Combine(folder, "sock"),
            ["ROUTERS_CA"] = caFile,
            ["ROUTERS_NAME"] = name,
        });
        using var client = new HttpClient();
        await Eventually.ThatAsync(
            async () => (await client.GetStringAsync(new Uri(Local(statistics), "/;csv"))).Contains("routers,r1", StringComparison.Ordinal),
            TimeSpan.FromSeconds(15), "the proxy answers");
        return new SecondProxy(process, folder, port);
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }

    private static Uri Local(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
}
