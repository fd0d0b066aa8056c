using NpgsqlTypes;
using ShardCore.Ring;
using TestCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>s1 has a server of its own with standbys that stream, s2 has one host. The ring names all hosts of s1.</summary>
internal sealed class StandbyCluster : IAsyncDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static readonly (string, string) Session = ("Read-Consistency", "session");
    public static readonly (string, string) Eventual = ("Read-Consistency", "eventual");

    private readonly List<RouterProcess> _routers = [];

    private StandbyCluster(PostgresServer primary, PostgresStandby[] standbys, SeededCluster cluster) =>
        (Primary, Standbys, Cluster) = (primary, standbys, cluster);

    public PostgresServer Primary { get; }

    public PostgresStandby[] Standbys { get; }

    public PostgresStandby Standby => Standbys[0];

    public SeededCluster Cluster { get; }

    public RouterProcess Router => _routers[0];

    public ApiCollection Items { get; private set; } = null!;

    public static async Task<StandbyCluster> StartAsync(SharedPostgres postgres, SharedRedis redis, params string[] standbys)
    {
        var primary = await PostgresProvider.Default.StartAsync();
        var all = new List<PostgresStandby>();
        foreach (var name in standbys.Length == 0 ? ["b"] : standbys)
            all.Add(await primary.StartStandbyAsync(name));
        TestDatabase[] databases = [await primary.CreateDatabaseAsync(), await postgres.CreateShardAsync()];
        var cluster = await SeededCluster.CreateAsync(databases, await redis.ServerAsync(), database => database.Port == primary.Port
            ? [.. all.Select(standby => new ShardHost(standby.Server.Host, standby.Server.Port)), new ShardHost(primary.Host, primary.Port)]
            : [new ShardHost(database.Host, database.Port)]);
        var own = new StandbyCluster(primary, [.. all], cluster);
        var router = await own.AddRouterAsync();
        own.Items = await ApiCollection.CreateAsync(router.Api);
        (await own.Items.PutAsync(cluster.PartitionOf("s1"), "x", """{"n":0}""")).Expect(201);
        await own.CaughtUpAsync();
        await own.StandbyReadsAsync(own.Items);
        return own;
    }

    /// <summary>A further router, whose <see cref="ApiCollection"/> the test makes.</summary>
    public async Task<RouterProcess> AddRouterAsync()
    {
        _routers.Add(await Cluster.StartRouterAsync());
        return _routers[^1];
    }

    /// <summary>The same collection by another router, which reads from the standby by now.</summary>
    public async Task<ApiCollection> ItemsOfNewRouterAsync()
    {
        var items = new ApiCollection((await AddRouterAsync()).Api, Items.Name);
        await StandbyReadsAsync(items);
        return items;
    }

    /// <summary>Waits until the standby answers eventual reads.</summary>
    public Task StandbyReadsAsync(ApiCollection items) => Eventually.ThatAsync(
        async () => (await items.GetAsync(Cluster.PartitionOf("s1"), "x", Eventual))["Read-From"] == "standby", Limit, "the standby is read");

    public async Task PauseReplayAsync()
    {
        await Standby.Server.ExecuteAsync("select pg_wal_replay_pause()");
        await Eventually.ThatAsync(
            async () => await Standby.Server.ScalarAsync<string>("select pg_get_wal_replay_pause_state()") == "paused", Limit, "it is paused");
    }

    public Task ResumeReplayAsync() => Standby.Server.ExecuteAsync("select pg_wal_replay_resume()");

    /// <summary>Waits until the standby has applied all that the primary has now.</summary>
    public async Task CaughtUpAsync()
    {
        var lsn = await Primary.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()");
        await Eventually.ThatAsync(
            async () => await Standby.Server.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_last_wal_replay_lsn()") >= lsn, Limit, "it has applied all");
    }

    /// <summary>How often a router went to the primary for one reason.</summary>
    public Task<double> FallbacksAsync(string reason) => Router.MetricAsync("sharding_standby_fallbacks_total", $"reason=\"{reason}\"");

    public async ValueTask DisposeAsync()
    {
        foreach (var router in _routers)
            await router.DisposeAsync();
        await Primary.ResumeAsync();
        await Cluster.DisposeAsync();
        foreach (var standby in Standbys)
            await standby.DisposeAsync();
        await Primary.DisposeAsync();
    }
}

/// <summary>What a session carries from one request to the next.</summary>
internal static class SessionReplies
{
    /// <summary>The headers of the session's next request.</summary>
    public static (string, string)[] Next(this ApiReply reply) => [StandbyCluster.Session, ("Session-Token", reply.Token())];

    public static string Token(this ApiReply reply) =>
        reply["Session-Token"] ?? throw new InvalidOperationException($"There is no Session-Token: {reply}");

    /// <summary>The same read until the standby answers it: on a busy machine it may be late, and then the primary does.</summary>
    public static async Task<ApiReply> FromStandbyAsync(this Func<Task<ApiReply>> read)
    {
        var reply = await read();
        await Eventually.ThatAsync(async () => (reply = await read()).From() == "standby", StandbyCluster.Limit, "the standby answers");
        return reply;
    }

    public static string? From(this ApiReply reply) => reply["Read-From"];

    public static int N(this ApiReply reply) => reply.Expect(200).Json.GetProperty("n").GetInt32();
}
