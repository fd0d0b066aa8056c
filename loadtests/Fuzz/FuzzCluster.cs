using System.Globalization;
using System.Text.Json;
using Fuzz.Judging;
using Fuzz.Making;
using Workbench;

namespace Fuzz;

/// <summary>A cluster that ./dev makes in a separate folder and on separate ports, and that is deleted at the end.</summary>
internal sealed class FuzzCluster : IAsyncDisposable
{
    private static readonly int[] BasePorts = [8080, 8079, 6390, 5441, 5442, 8101, 8102, 8201, 8202];

    private readonly string _home;
    private readonly string _offset = PortOffset.Free(BasePorts).ToString(CultureInfo.InvariantCulture);

    private FuzzCluster(string home) => _home = home;

    /// <param name="home">A folder that does not exist yet.</param>
    public static async Task<FuzzCluster> StartAsync(string home, CancellationToken cancellation)
    {
        Directory.CreateDirectory(home);
        var cluster = new FuzzCluster(home);
        try
        {
            await cluster.DevAsync("up", "--detach", "--no-data", "--shards", "2", "--routers", "2");
            cancellation.ThrowIfCancellationRequested();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async Task<FuzzTarget> TargetAsync(bool routerOnly)
    {
        using var status = JsonDocument.Parse(await DevAsync("status", "--json"));
        var routers = status.RootElement.GetProperty("routers").EnumerateArray().Select(router => (
            Id: router.GetProperty("id").GetString()!, Url: new Uri(router.GetProperty("url").GetString()!),
            Operations: new Uri(router.GetProperty("ops").GetString()!), Process: router.GetProperty("pid").GetInt32())).ToArray();
        var made = await DevAsync(
            "admin", "keys", "create", "--name", "fuzz", "--scopes", "items:read,items:write,items:scan,bulk,collections:admin", "--collections",
            string.Join(',', JsonMaker.Collections), "-o", "json");
        using var key = JsonDocument.Parse(made);
        return new FuzzTarget(
            [.. routers.Select(router => router.Url), .. (Uri[])(routerOnly ? [] : [new Uri(status.RootElement.GetProperty("proxy").GetString()!)])],
            [.. routers.Select(router => new RouterWatch(router.Id, router.Operations, router.Process, Path.Combine(_home, "logs", router.Id + ".log")))],
            key.RootElement.GetProperty("key").GetString(), status.RootElement.GetProperty("apiKey").GetString());
    }

    /// <summary>Copies the servers' logs, which are deleted together with the cluster.</summary>
    public void CopyLogs(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(_home, "logs")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    public async ValueTask DisposeAsync()
    {
        await DevAsync("down", "--wipe");
        if (Directory.Exists(_home) && !Directory.EnumerateFileSystemEntries(_home).Any())
            Directory.Delete(_home);
    }

    /// <summary>Takes no token: an interrupted ./dev stops by itself what it has started, and needs time for this.</summary>
    private Task<string> DevAsync(params string[] arguments) => OtherProgram.RunAsync(
        Path.Combine(Repository.Root, "dev"), arguments,
        new Dictionary<string, string?>(StringComparer.Ordinal) { ["DEV_HOME"] = _home, ["DEV_PORT_OFFSET"] = _offset }, CancellationToken.None);
}
