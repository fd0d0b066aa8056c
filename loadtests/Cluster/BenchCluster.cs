using System.Diagnostics;
using System.Globalization;
using LoadTests.Engine;

namespace LoadTests.Cluster;

/// <summary>
/// A throw-away cluster of one shard, made and deleted by ./dev, with the items of the benches in it.
/// </summary>
/// <remarks>
/// Deleted whatever happens, Ctrl-C included. If this process is killed it stays, and the next bench deletes it first.
/// </remarks>
internal sealed class BenchCluster : IAsyncDisposable
{
    private BenchCluster(ClusterStatus status) => Status = status;

    public ClusterStatus Status { get; }

    public Uri Router => Status.Routers[0].Url;

    public ShardAddress Shard => Status.Shard;

    /// <summary>The router's program as ./dev staged it.</summary>
    public static string RouterProgram => Path.Combine(Repository.BenchHome, "bin", "ShardRouter", "ShardRouter.dll");

    public static async Task<BenchCluster> StartAsync(int routers, CancellationToken cancellation)
    {
        if (Directory.Exists(Repository.BenchHome))
            await DevAsync("down", "--wipe");
        cancellation.ThrowIfCancellationRequested();
        try
        {
            // Without the token: ./dev takes back by itself what it started when it is interrupted, and needs the time.
            await DevAsync("up", "--detach", "--no-data", "--shards", "1", "--routers", routers.ToString(CultureInfo.InvariantCulture));
            cancellation.ThrowIfCancellationRequested();
            var status = ClusterStatus.Parse(await OtherProgram.RunAsync(Path.Combine(Repository.Root, "dev"), ["status", "--json"], Environment(), cancellation));
            await ItemFilling.FillAsync(status, cancellation);
            return new BenchCluster(status);
        }
        catch
        {
            await DevAsync("down", "--wipe");
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await DevAsync("down", "--wipe");

    /// <summary>With its output on our console.</summary>
    private static async Task DevAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "dev"), arguments);
        foreach (var (name, value) in Environment())
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync(CancellationToken.None);
        if (process.ExitCode != 0)
            throw new WrongAnswerException($"./dev {arguments[0]} ended with {process.ExitCode}; it says above why.");
    }

    private static Dictionary<string, string?> Environment() => new(StringComparer.Ordinal)
    {
        ["DEV_HOME"] = Repository.BenchHome,
        ["DEV_PORT_OFFSET"] = Repository.BenchPortOffset.ToString(CultureInfo.InvariantCulture),
    };
}
