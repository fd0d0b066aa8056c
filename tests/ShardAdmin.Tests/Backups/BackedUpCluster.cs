using NpgsqlTypes;
using ShardAdmin.Failures;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>A cluster whose shards each have a server of their own, of which backups are kept, and a Redis of its own. All of it can be
/// lost.</summary>
internal sealed class BackedUpCluster : IAsyncDisposable
{
    private readonly List<ServerBackup> _backups = [];
    private readonly List<PostgresServer> _restored = [];
    private RedisServer _redis;

    private BackedUpCluster(AdminCluster cluster, RedisServer redis) => (Cluster, _redis) = (cluster, redis);

    public AdminCluster Cluster { get; private set; }

    /// <summary>Where documents are kept; it outlives everything.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("backup-points-").FullName;

    public string Document(string point) => Path.Combine(Folder, point + ".json");

    public static async Task<BackedUpCluster> StartAsync(SharedPostgres postgres, int shards, Func<Task<ServerBackup>> start)
    {
        var redis = await RedisServer.StartNewAsync(persistent: false);
        var own = new BackedUpCluster(await AdminCluster.NewAsync(postgres, redis.Endpoint, 0), redis);
        foreach (var backup in await Task.WhenAll(Enumerable.Range(0, shards).Select(_ => start())))
        {
            own._backups.Add(backup);
            own.Cluster.Adopt(await backup.Server.CreateDatabaseAsync());
        }
        (await own.Cluster.RunAsync(own.Cluster.InitArguments(shards))).Succeeds();
        (await own.Cluster.RunAsync("collections", "create", "c")).Succeeds();
        return own;
    }

    public Task BackUpAsync() => Task.WhenAll(_backups.Select(backup => backup.BackUpAsync()));

    public async Task<AdminRun> PointAsync(string name, string failpoint = "")
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["SHARDING_REDIS"] = Cluster.Redis,
            ["SHARDING_CLUSTER"] = Cluster.Name,
            ["SHARDING_FAILPOINT"] = failpoint,
        };
        return await AdminRun.OfAsync(environment, ["backup", "point", name, "--out", Document(name)]);
    }

    /// <summary>Waits until Redis has a position of each shard that is as far as its server is now.</summary>
    public async Task PositionsSeenAsync()
    {
        for (var number = 1; number <= _backups.Count; number++)
        {
            var (shard, lsn) = ($"s{number}", await _backups[number - 1].Server.ScalarAsync<NpgsqlLogSequenceNumber>("select "
                + "pg_current_wal_flush_lsn()"));
            await Eventually.ThatAsync(
                () => Cluster.InRedisAsync(async (redis, _) =>
                    (await new ShardPositionStore(redis, new RedisKeys(Cluster.Name)).ReadAsync(default))
                        .GetValueOrDefault(shard)?.Value?.Position.Lsn >= lsn),
                TimeSpan.FromSeconds(30), $"{lsn} of {shard} is known");
        }
    }

    /// <summary>All of them, with all that was in them.</summary>
    public async Task LoseServersAsync()
    {
        foreach (var backup in _backups)
            await backup.LoseServerAsync();
    }

    /// <summary>There is another one, in which nothing is.</summary>
    public async Task LoseRedisAsync()
    {
        await _redis.DisposeAsync();
        _redis = await RedisServer.StartNewAsync(persistent: false);
    }

    /// <summary>Restores every shard to the point, at another address. What was restored before is given up.</summary>
    /// <returns>The shards as <c>--at</c> takes them.</returns>
    public async Task<string[]> RestoreAsync(string point)
    {
        var names = Enumerable.Range(1, _backups.Count).Select(number => Cluster.Database(number).Name).ToArray();
        await Cluster.DisposeAsync();
        await GiveUpAsync();
        _restored.AddRange(await Task.WhenAll(_backups.Select(backup => backup.RestoreAsync(point))));
        Cluster = Cluster.Restored(_redis.Endpoint, _restored.Zip(names, (server, name) => server.ExistingDatabase(name)));
        return [.. Enumerable.Range(1, _backups.Count)
            .SelectMany(number => new[] { "--at", $"s{number}={Cluster.Database(number).Address}" })];
    }

    /// <summary>Types what <c>restore check</c> says next, command by command.</summary>
    /// <returns>The commands.</returns>
    public async Task<IReadOnlyList<string>> FollowAsync(string point, string[] at)
    {
        var typed = new List<string>();
        var check = await Cluster.RunAsync(["restore", "check", Document(point), .. at, "-o", "json"]);
        Assert.True(check.Exit == ExitCode.Done, check.Out + check.Error);
        foreach (var step in check.Json.GetProperty("next").EnumerateArray())
        {
            typed.Add(step.GetProperty("command").GetString()!);
            var words = typed[^1].Split(' ');
            Assert.Equal("shardadmin", words[0]);
            (await Cluster.RunAsync(words[1..])).Succeeds();
        }
        return typed;
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await GiveUpAsync();
        foreach (var backup in _backups)
            await backup.DisposeAsync();
        await _redis.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task GiveUpAsync()
    {
        foreach (var server in _restored)
            await server.DisposeAsync();
        _restored.Clear();
    }
}
