using System.Globalization;
using Chaos.Failover;
using ShardCore.Ring;
using ShardCore.RingStorage;
using Workbench;

namespace Chaos.Cluster;

/// <summary>
/// A whole cluster that ./dev makes in a separate folder and on separate ports: three shards and a spare one, three routers, Redis and
/// HAProxy. Signals take its parts away; ./dev brings them back one by one.
/// </summary>
/// <remarks>
/// The cluster is deleted at the end, also after Ctrl-C. Only if this process is killed it remains; <c>DEV_HOME=… ./dev down --wipe</c>
/// deletes it.
/// </remarks>
internal sealed class ChaosCluster : IAsyncDisposable
{
    public const string Spare = "s4";
    public const int Routers = 3;

    /// <summary>The modes of shards with two hosts: whether a commit waits for the standby.</summary>
    public const string Synchronous = "sync", Asynchronous = "async";

    public static readonly IReadOnlyList<string> FirstShards = ["s1", "s2", "s3"];

    private const int EtcdPort = 8380;

    private static readonly int[] BasePorts = [8080, 8079, 6390, 5441, 5442, 5443, 5444, 5461, 5462, 5463, 5464, 8101, 8102, 8103, 8201, 8202, 8203,
        5541, 5542, 5543, 5544, 5545, 5546, 8401, 8402, 8403, 8404, 8405, 8406, EtcdPort, EtcdPort + 1];

    private readonly int _offset;
    private readonly string _adminLogs;
    private int _adminRuns;

    private ChaosCluster(string home, int offset, string adminLogs, string? haMode)
    {
        (Home, _offset, _adminLogs, HaMode) = (home, offset, adminLogs, haMode);
        // The same names and ports as in scripts/dev/postgres.sh and patroni.sh.
        Hosts = haMode is null ? [] : [.. Enumerable.Range(0, 2 * FirstShards.Count).Select(number =>
            new FailoverHost($"{FirstShards[number / 2]}-{"ab"[number % 2]}", 5541 + number + offset, 8401 + number + offset))];
    }

    public string Home { get; }

    /// <summary>The folder with the logs of its servers.</summary>
    public string Logs => Path.Combine(Home, "logs");

    public Uri Proxy => Local(8080);

    public IReadOnlyList<Uri> RouterUrls => [.. Enumerable.Range(1, Routers).Select(number => Local(8100 + number))];

    /// <summary>A router's operations port, which has its metrics.</summary>
    public Uri OperationsUrl(int router) => Local(8200 + router);

    public string Redis => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{6390 + _offset}");

    public static IReadOnlyList<string> Shards => [.. FirstShards, Spare];

    /// <summary>Null: shards have one server each.</summary>
    public string? HaMode { get; }

    /// <summary>The hosts of all shards, if each shard has two.</summary>
    public IReadOnlyList<FailoverHost> Hosts { get; }

    /// <summary>Null: this machine cannot cut hosts off.</summary>
    public NetworkCuts? Cuts { get; private set; }

    /// <summary>All shards of the cluster.</summary>
    public IReadOnlyList<string> ShardIds => HaMode is null ? Shards : FirstShards;

    /// <summary>The parts that run the shards' processes.</summary>
    public IEnumerable<string> ShardParts => HaMode is null ? Shards : ["etcd", .. Hosts.Select(host => host.Name)];

    /// <param name="home">A folder that does not exist yet.</param>
    /// <param name="adminLogs">The folder for the output of each run of shardadmin.</param>
    /// <param name="build">True: the programs are built if their sources have changed.</param>
    /// <param name="haMode">The mode of shards with two hosts; then there is no spare shard. Null: shards have one host.</param>
    public static async Task<ChaosCluster> StartAsync(
        string home, string adminLogs, bool build, CancellationToken cancellation, string? haMode = null)
    {
        var cluster = new ChaosCluster(home, PortOffset.Free(BasePorts), adminLogs, haMode);
        Directory.CreateDirectory(adminLogs);
        try
        {
            cluster.Cuts = haMode is null ? null : await NetworkCuts.TryOpenAsync(cluster.Hosts, EtcdPort + cluster._offset);
            await cluster.DevAsync(
                ["up", "--open", .. (string[])(haMode is null ? [] : ["--ha-mode", haMode]), "--detach", "--no-data", "--shards", "3",
                    "--routers", Routers.ToString(CultureInfo.InvariantCulture), .. (string[])(build ? [] : ["--no-build"])]);
            cancellation.ThrowIfCancellationRequested();
            if (haMode is null)
                await cluster.DevAsync("shard", Spare);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The address of a shard. If the shard has two hosts it names both, and the primary is used.</summary>
    public ShardServer Shard(string id) => HaMode is not null
        ? new(string.Join(',', Hosts.Where(host => host.Shard == id).Select(host => $"127.0.0.1:{host.Port}")), 0, "sharding")
        : new("127.0.0.1", 5440 + int.Parse(id.AsSpan(1), CultureInfo.InvariantCulture) + _offset, "sharding");

    /// <summary>The name of a shard's standby as a part.</summary>
    public static string StandbyOf(string shard) => $"{shard}-standby";

    /// <summary>The address of a shard's standby, with the port that scripts/dev/standby.sh uses.</summary>
    public ShardServer Standby(string shard) => Shard(shard) with { Port = Shard(shard).Port + 20 };

    /// <summary>Makes a new asynchronous standby of a running shard, and removes an earlier one.</summary>
    public Task MakeStandbyAsync(string shard) => DevAsync("chaos", "--make-standby", shard);

    /// <summary>Kills a shard's server for good; then its standby answers at its address.</summary>
    public Task TakeOverAsync(string shard) => DevAsync("chaos", "--take-over", shard);

    /// <param name="part">s1…, s1-standby…, r1…, redis or proxy.</param>
    /// <returns>Null: it does not run.</returns>
    public int? ProcessOf(string part)
    {
        var file = Path.Combine(Home, "run", part + ".pid"); // "pid start-time"
        var processId = File.Exists(file) ? int.Parse(File.ReadAllText(file).Split(' ')[0], CultureInfo.InvariantCulture) : 0;
        return processId > 0 && ProcessTree.StateOf(processId) is not (null or 'Z' or 'X') ? processId : null;
    }

    /// <returns>Null: its Postgres does not run.</returns>
    public int? PostmasterOf(FailoverHost host)
    {
        var file = Path.Combine(Home, "shards", host.Name, "data", "postmaster.pid");
        return File.Exists(file) && int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out var process)
            && ProcessTree.StateOf(process) is not (null or 'Z' or 'X') ? process : null;
    }

    /// <summary>Runs patronictl on this cluster.</summary>
    public Task<string> HaAsync(params string[] arguments) => DevAsync(["ha", .. arguments]);

    /// <summary>Starts a part that does not run, and waits until it answers.</summary>
    public async Task StartPartAsync(string part, CancellationToken cancellation)
    {
        // The backends of a killed postmaster keep its shared memory until they notice its end; until then a new one refuses to start.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await DevAsync("chaos", "--start-part", part);
                return;
            }
            catch (Exception) when (attempt < 20)
            {
                await Task.Delay(250, cancellation);
            }
        }
    }

    /// <returns>The ring in Redis; null: there is none.</returns>
    public async Task<ShardRing?> RingAsync(CancellationToken cancellation)
    {
        await using var connection = await RedisConnection.OpenAsync(Redis);
        return await RingReading.ReadAsync(connection, cancellation);
    }

    /// <summary>Copies the servers' logs, which are deleted together with the cluster.</summary>
    public void CopyLogs(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(Logs))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
    }

    /// <summary>Deletes the files of Redis, which must not run.</summary>
    public void EmptyRedis() => Directory.Delete(Path.Combine(Home, "redis"), recursive: true);

    public AdminProcess Admin(string? failpoint, params string[] arguments)
    {
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["SHARDING_REDIS"] = Redis,
            ["SHARDING_CLUSTER"] = "default",
            ["SHARDING_SEEDS"] = string.Join(',', FirstShards.Select(Shard).Select(SeedOf)),
            ["SHARDING_FAILPOINT"] = failpoint,
            ["PGUSER"] = ShardServer.User,
        };
        var log = Path.Combine(_adminLogs, string.Create(CultureInfo.InvariantCulture, $"shardadmin-{Interlocked.Increment(ref _adminRuns):0000}.log"));
        return new AdminProcess(Path.Combine(Home, "bin", "ShardAdmin", "shardadmin.dll"), arguments, environment, log);
    }

    public async Task<AdminResult> AdminAsync(CancellationToken cancellation, params string[] arguments)
    {
        using var process = Admin(null, arguments);
        return await process.WaitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (Cuts is not null)
            await Cuts.RestoreAsync();
        foreach (var part in (string[])["proxy", "redis", .. ShardParts, .. Shards.Select(StandbyOf), .. Enumerable.Range(1, Routers).Select(number => $"r{number}")])
            if (ProcessOf(part) is { } process)
                ProcessTree.ContinueAll(process); // a stopped process would not notice that it should end
        foreach (var host in Hosts)
            if (PostmasterOf(host) is { } process)
                ProcessTree.ContinueAll(process);
        await DevAsync("down", "--wipe");
        if (Cuts is not null)
            await Cuts.DisposeAsync();
    }

    private static string SeedOf(ShardServer shard) => shard.Port == 0
        ? $"{shard.Host}/{shard.Database}"
        : string.Create(CultureInfo.InvariantCulture, $"{shard.Host}:{shard.Port}/{shard.Database}");

    /// <summary>Takes no token: an interrupted ./dev stops by itself what it has started, and needs time for this.</summary>
    private Task<string> DevAsync(params string[] arguments) => OtherProgram.RunAsync(
        Path.Combine(Repository.Root, "dev"), arguments,
        new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["DEV_HOME"] = Home,
            ["DEV_PORT_OFFSET"] = _offset.ToString(CultureInfo.InvariantCulture),
            ["DEV_HOST_GROUPS"] = Cuts is null ? null : "yes",
        },
        CancellationToken.None);

    private Uri Local(int port) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port + _offset}"));
}
