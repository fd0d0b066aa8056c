using System.Text.Json;
using NpgsqlTypes;
using ShardAdmin.Tests.Moves;
using ShardCore.RingStorage;
using ShardCore.Shards.History;
using TestCluster;

namespace ShardAdmin.Tests.History;

/// <summary>s1 on the shared server and s2 on one of its own, which fails over or is restored, with an agent that watches both.</summary>
internal sealed class WatchedCluster : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private WatchedCluster(PostgresServer server, AdminCluster cluster) => (Server, Cluster) = (server, cluster);

    /// <summary>Of s2.</summary>
    public PostgresServer Server { get; }

    public AdminCluster Cluster { get; }

    public static async Task<WatchedCluster> StartAsync(SharedPostgres postgres, SharedRedis redis)
    {
        var server = await PostgresProvider.Default.StartAsync();
        var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        cluster.Adopt(await server.CreateDatabaseAsync());
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        return new WatchedCluster(server, cluster);
    }

    public ChildProcess StartAgent() => AdminChild.Start(Cluster, ["agent", "--interval", "200ms"]);

    public Task<StoredPosition?> StoredAsync() => Cluster.InRedisAsync<StoredPosition?>(async (redis, _) =>
        (await new ShardPositionStore(redis, new RedisKeys(Cluster.Name)).ReadAsync(default)).GetValueOrDefault("s2"));

    /// <summary>A commit of s2 of which Redis knows when this returns.</summary>
    public async Task CommitSeenAsync()
    {
        Cluster.Database(2).DataSource.Clear(); // connections from before a restart
        await Cluster.Database(2).ExecuteAsync("create table if not exists public.noise (n bigint)");
        await Cluster.Database(2).ExecuteAsync("insert into public.noise select generate_series(1, 1000)");
        await PositionSeenAsync();
    }

    /// <summary>Waits until Redis has a position of s2 on its present timeline that is as far as the server is now.</summary>
    public async Task PositionSeenAsync()
    {
        var lsn = await Server.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()");
        var timeline = Convert.ToUInt32(await Server.ScalarAsync<string>("select left(pg_walfile_name(pg_current_wal_lsn()), 8)"), 16);
        await Eventually.ThatAsync(
            async () => await StoredAsync() is { Value.Position: var seen } && seen.Timeline == timeline && seen.Lsn >= lsn,
            Limit, $"{lsn} of s2 is known");
    }

    public Task LossNotedAsync() =>
        Eventually.ThatAsync(async () => await StoredAsync() is { Value.Loss: not null }, Limit, "the loss of s2 is noted");

    /// <summary>As if Redis had lost it.</summary>
    public Task<bool> ForgetAsync() => Cluster.InRedisAsync((redis, _) =>
        redis.CallAsync(database => database.KeyDeleteAsync(new RedisKeys(Cluster.Name).Positions), default));

    /// <returns>What doctor says at shard-history.</returns>
    public async Task<JsonElement> FindingAsync() => (await Cluster.RunAsync("doctor", "-o", "json")).Json
        .GetProperty("checks").EnumerateArray().Single(check => check.GetProperty("check").GetString() == "shard-history");

    public async Task<string?> LevelAsync() => (await FindingAsync()).GetProperty("level").GetString();

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await Server.DisposeAsync();
    }
}
