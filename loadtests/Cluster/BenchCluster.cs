using System.Globalization;
using LoadTests.Benches;

namespace LoadTests.Cluster;

/// <summary>
/// A throw-away cluster, made and deleted by ./dev, with items in it: one shard and those of <see cref="BenchItems"/>, unless a bench says otherwise.
/// </summary>
/// <remarks>
/// Deleted whatever happens, Ctrl-C included. If this process is killed it stays, and the next bench in its place deletes it first.
/// </remarks>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly BenchPlace _place;

    private BenchCluster(BenchPlace place, ClusterStatus status) => (_place, Status) = (place, status);

    public ClusterStatus Status { get; private set; }

    public RouterAddress Router => Status.Routers[0];

    public ShardServer Shard => Status.Shard;

    /// <summary>The router's program as ./dev staged it.</summary>
    public static string RouterProgram => Path.Combine(Repository.BenchHome, "bin", "ShardRouter", "ShardRouter.dll");

    /// <summary>shardadmin as ./dev staged it.</summary>
    public static string AdminProgram => Path.Combine(Repository.BenchHome, "bin", "ShardAdmin", "shardadmin.dll");

    public static Task<BenchCluster> StartAsync(int routers, CancellationToken cancellation) =>
        StartAsync(routers, shards: 1, FormattableString.Invariant($"{BenchItems.Count:#,0} items"), ItemFilling.FillAsync, cancellation);

    /// <param name="contents">What <paramref name="fill"/> puts in, for the console.</param>
    public static Task<BenchCluster> StartAsync(int routers, int shards, string contents, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation) =>
        StartAsync(BenchPlace.First, routers, shards, contents, fill, cancellation);

    /// <param name="place">Beside the clusters in other places.</param>
    public static async Task<BenchCluster> StartAsync(
        BenchPlace place, int routers, int shards, string contents, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation)
    {
        if (Directory.Exists(place.Home))
            await DevAsync(place, "down", "--wipe");
        cancellation.ThrowIfCancellationRequested();
        try
        {
            await Console.Out.WriteLineAsync($"{shards} shard{(shards == 1 ? "" : "s")} with {contents} and {routers} router{(routers == 1 ? "" : "s")}, in {place.Home}");
            await DevAsync(place, "up", "--detach", "--no-data", "--shards", shards.ToString(CultureInfo.InvariantCulture), "--routers", routers.ToString(CultureInfo.InvariantCulture));
            cancellation.ThrowIfCancellationRequested();
            var status = ClusterStatus.Parse(await DevAsync(place, "status", "--json"));
            await fill(status, cancellation);
            return new BenchCluster(place, status);
        }
        catch
        {
            await DevAsync(place, "down", "--wipe");
            throw;
        }
    }

    /// <summary>Starts an empty Postgres, the last of <see cref="Status"/> from then on. No shard of the ring yet.</summary>
    public async Task StartShardAsync(string id, CancellationToken cancellation)
    {
        await DevAsync(_place, "shard", id);
        cancellation.ThrowIfCancellationRequested();
        Status = ClusterStatus.Parse(await DevAsync(_place, "status", "--json"));
    }

    /// <summary>Starts a part that was killed, and waits until it answers.</summary>
    public Task StartPartAsync(string part) => DevAsync(_place, "chaos", "--start-part", part);

    public async ValueTask DisposeAsync() => await DevAsync(_place, "down", "--wipe");

    /// <summary>Without a token: ./dev takes back by itself what it began when it is interrupted, and needs the time.</summary>
    /// <returns>What it wrote.</returns>
    private static Task<string> DevAsync(BenchPlace place, params string[] arguments) =>
        OtherProgram.RunAsync(Path.Combine(Repository.Root, "dev"), arguments, Environment(place), CancellationToken.None);

    private static Dictionary<string, string?> Environment(BenchPlace place) => new(StringComparer.Ordinal)
    {
        ["DEV_HOME"] = place.Home,
        ["DEV_PORT_OFFSET"] = place.PortOffset.ToString(CultureInfo.InvariantCulture),
    };
}
