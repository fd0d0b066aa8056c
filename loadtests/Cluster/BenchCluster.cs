using System.Globalization;
using LoadTests.Benches;
using Workbench;

namespace LoadTests.Cluster;

/// <summary>
/// A temporary cluster with items, which ./dev makes and deletes. It has one shard with the items of <see cref="BenchItems"/>, unless a
/// bench says otherwise.
/// </summary>
/// <remarks>
/// The cluster is deleted in every case, also after Ctrl-C. Only if this process is killed it remains; the next bench in the same place
/// deletes it first.
/// </remarks>
internal sealed class BenchCluster : IAsyncDisposable
{
    private readonly BenchPlace _place;

    private BenchCluster(BenchPlace place, ClusterStatus status) => (_place, Status) = (place, status);

    public ClusterStatus Status { get; private set; }

    public RouterAddress Router => Status.Routers[0];

    public ShardServer Shard => Status.Shard;

    /// <summary>The router's program that ./dev has staged.</summary>
    public static string RouterProgram => Path.Combine(Repository.BenchHome, "bin", "ShardRouter", "ShardRouter.dll");

    /// <summary>The program shardadmin that ./dev has staged.</summary>
    public static string AdminProgram => Path.Combine(Repository.BenchHome, "bin", "ShardAdmin", "shardadmin.dll");

    public static Task<BenchCluster> StartAsync(int routers, CancellationToken cancellation) =>
        StartAsync(routers, shards: 1, FormattableString.Invariant($"{BenchItems.Count:#,0} items"), ItemFilling.FillAsync, cancellation);

    /// <param name="contents">A description of the items that <paramref name="fill"/> makes, for the console.</param>
    public static Task<BenchCluster> StartAsync(int routers, int shards, string contents, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation) =>
        StartAsync(BenchPlace.First, routers, shards, contents, fill, cancellation);

    /// <param name="place">The place of this cluster; clusters in other places may run at the same time.</param>
    /// <param name="options">What <c>./dev up</c> is given besides.</param>
    public static async Task<BenchCluster> StartAsync(
        BenchPlace place, int routers, int shards, string contents, Func<ClusterStatus, CancellationToken, Task> fill, CancellationToken cancellation, params string[] options)
    {
        if (Directory.Exists(place.Home))
            await DevAsync(place, "down", "--wipe");
        cancellation.ThrowIfCancellationRequested();
        try
        {
            await Console.Out.WriteLineAsync($"{shards} shard{(shards == 1 ? "" : "s")} with {contents} and {routers} router{(routers == 1 ? "" : "s")}, in {place.Home}");
            await DevAsync(
                place,
                ["up", "--open", "--detach", "--no-data", "--shards", shards.ToString(CultureInfo.InvariantCulture),
                    "--routers", routers.ToString(CultureInfo.InvariantCulture), .. options]);
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

    /// <summary>Starts an empty Postgres. From then on it is the last shard of <see cref="Status"/>. It is not in the ring yet.</summary>
    public async Task StartShardAsync(string id, CancellationToken cancellation)
    {
        await DevAsync(_place, "shard", id);
        cancellation.ThrowIfCancellationRequested();
        Status = ClusterStatus.Parse(await DevAsync(_place, "status", "--json"));
    }

    /// <summary>Starts a part that was killed, and waits until it answers.</summary>
    public Task StartPartAsync(string part) => DevAsync(_place, "chaos", "--start-part", part);

    public async ValueTask DisposeAsync() => await DevAsync(_place, "down", "--wipe");

    /// <summary>Takes no token: an interrupted ./dev stops by itself what it has started, and needs time for this.</summary>
    /// <returns>The output.</returns>
    private static Task<string> DevAsync(BenchPlace place, params string[] arguments) =>
        OtherProgram.RunAsync(Path.Combine(Repository.Root, "dev"), arguments, Environment(place), CancellationToken.None);

    private static Dictionary<string, string?> Environment(BenchPlace place) => new(StringComparer.Ordinal)
    {
        ["DEV_HOME"] = place.Home,
        ["DEV_PORT_OFFSET"] = place.PortOffset.ToString(CultureInfo.InvariantCulture),
    };
}
