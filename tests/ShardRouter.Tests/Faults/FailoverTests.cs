using System.Collections.Concurrent;
using System.Diagnostics;
using ShardCore.Ring;
using ShardCore.RingStorage;
using StackExchange.Redis;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>s1 has a standby, and the ring names both hosts. Routers find out by themselves which of them is the primary.</summary>
[Collection(FaultTests.Name)]
public sealed class FailoverTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private PostgresServer _server = null!;
    private PostgresStandby _standby = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _pk = "";

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresProvider.Default.StartAsync();
        _standby = await _server.StartStandbyAsync("b");
        await _standby.MakeSynchronousAsync();
        TestDatabase[] databases = [await _server.CreateDatabaseAsync(), await postgres.CreateShardAsync()];
        // The standby comes first: the order says nothing.
        _cluster = await SeededCluster.CreateAsync(databases, await redis.ServerAsync(), database => database.Port == _server.Port
            ? [new ShardHost(_standby.Server.Host, _standby.Server.Port), new ShardHost(_server.Host, _server.Port)]
            : [new ShardHost(database.Host, database.Port)]);
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        _pk = _cluster.PartitionOf("s1");
        (await _items.PutAsync(_pk, "before", "{}")).Expect(201);
    }

    [Fact]
    public async Task After_a_takeover_the_shard_is_served_with_all_that_was_acknowledged()
    {
        await _server.KillAsync();
        await _standby.PromoteAsync();

        await ServedAsync(_router);
        (await _items.GetAsync(_pk, "before")).Expect(200);
        (await _items.PutAsync(_pk, "after", "{}")).Expect(201);
        Assert.True(await OnAsync(_standby.Server, "after"), "The new primary has it.");
    }

    [Fact]
    public async Task A_primary_that_hung_while_its_standby_took_over_gets_nothing_when_it_wakes()
    {
        await _standby.MakeAsynchronousAsync();
        await _standby.CaughtUpAsync();
        await _server.PauseAsync();
        await _standby.PromoteAsync();
        await ServedAsync(_router);
        (await _items.PutAsync(_pk, "while-it-hung", "{}")).Expect(201);

        await _server.ResumeAsync();
        Assert.False(await _server.ScalarAsync<bool>("select pg_is_in_recovery()"), "It still thinks that it is the primary.");

        var sent = new List<string>();
        var end = DateTime.UtcNow.AddSeconds(4); // some looks at both
        while (DateTime.UtcNow < end)
        {
            sent.Add($"w{sent.Count}");
            (await _items.PutAsync(_pk, sent[^1], "{}")).Expect(201);
        }
        await using var later = await _cluster.StartRouterAsync();
        (await new ApiCollection(later.Api, _items.Name).PutAsync(_pk, "later", "{}")).Expect(201);
        string[] all = ["while-it-hung", .. sent, "later"];
        Assert.Equal(all.Length, await CountAsync(_standby.Server, all));
        Assert.Equal(0, await CountAsync(_server, all));
    }

    [Fact]
    public async Task A_primary_that_was_replaced_is_not_believed_even_when_it_is_the_only_one_that_answers()
    {
        await _standby.MakeAsynchronousAsync();
        await _standby.CaughtUpAsync();
        await _server.PauseAsync();
        await _standby.PromoteAsync();
        await ServedAsync(_router);
        await Eventually.ThatAsync(
            async () => (await _cluster.PositionAsync("s1"))?.Timeline == 2, Limit, "Redis knows the new timeline");

        await _server.ResumeAsync();
        await _standby.Server.KillAsync();

        await using var later = await _cluster.StartUnreadyRouterAsync();
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        Assert.All(
            await Task.WhenAll(_items.PutAsync(_pk, "lost", "{}"), new ApiCollection(later.Api, _items.Name).PutAsync(_pk, "lost", "{}")),
            reply => Assert.Equal(503, reply.Status));
        Assert.False(await OnAsync(_server, "lost"));
        Assert.Contains("it was replaced", _router.Output + later.Output, StringComparison.Ordinal);

        await _standby.Server.StartAsync();
        await ServedAsync(_router);
        await ServedAsync(later);
    }

    [Fact]
    public async Task Other_shards_are_served_all_the_time()
    {
        var other = _cluster.PartitionOf("s2");
        using var stop = new CancellationTokenSource();
        var slowest = TimeSpan.Zero;
        var asking = Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var startedAt = DateTime.UtcNow;
                Assert.InRange((await _items.PutAsync(other, $"x{i % 10}", "{}")).Status, 200, 201);
                slowest = DateTime.UtcNow - startedAt > slowest ? DateTime.UtcNow - startedAt : slowest;
            }
        });

        await _server.PauseAsync();
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await _standby.PromoteAsync();
        await ServedAsync(_router);

        await stop.CancelAsync();
        await asking;
        Assert.True(slowest < TimeSpan.FromSeconds(1), $"A write to s2 took {slowest}.");
    }

    [Fact]
    public async Task Who_finds_a_takeover_tells_the_other_routers()
    {
        var told = new ConcurrentQueue<string>();
        await using var line = await RedisConnection.OpenAsync(_cluster.RedisServer.Endpoint);
        await line.SubscribeAsync(RedisChannel.Literal(_cluster.Keys.TakenOver), (_, shard) => told.Enqueue(shard.ToString()));

        await _server.KillAsync();
        await _standby.PromoteAsync();
        await ServedAsync(_router);

        await Eventually.ThatAsync(() => !told.IsEmpty, Limit, "the others are told");
        Assert.Equal("s1", Assert.Single(told));
    }

    [Fact]
    public async Task A_router_that_is_told_of_a_takeover_looks_at_once()
    {
        const int messages = 50;
        await using var line = await RedisConnection.OpenAsync(_cluster.RedisServer.Endpoint);
        var looks = new HashSet<DateTime>();
        var clock = Stopwatch.StartNew();

        for (var i = 0; i < messages; i++)
        {
            await line.CallAsync(database => database.PublishAsync(RedisChannel.Literal(_cluster.Keys.TakenOver), "s1"), CancellationToken.None);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TestContext.Current.CancellationToken);
            if (await LastLookAsync() is { } look)
                looks.Add(look);
        }

        // Of itself it looks once a second. Looks that are asked for at the same time are one.
        Assert.InRange(looks.Count, (2 * clock.Elapsed.TotalSeconds) + 5, messages + 5);
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _server.ResumeAsync();
        await _cluster.DisposeAsync();
        await _standby.DisposeAsync();
        await _server.DisposeAsync();
    }

    /// <returns>How often the standby was asked what it is: a router asks it for nothing else.</returns>
    /// <summary>When the standby was asked last by somebody else.</summary>
    private Task<DateTime?> LastLookAsync() => _standby.Server.ScalarAsync<DateTime?>(
        $"select max(query_start) from pg_stat_activity where datname = '{_cluster["s1"].Database.Name}' and pid <> pg_backend_pid()");

    /// <summary>Within 10 s a write to s1 succeeds.</summary>
    private Task ServedAsync(RouterProcess router) => Eventually.ThatAsync(
        async () => (await new ApiCollection(router.Api, _items.Name).PutAsync(_pk, "probe", "{}", ("Request-Timeout", "1"))).Status is 200 or 201,
        Limit, "s1 takes writes");

    private async Task<bool> OnAsync(PostgresServer server, string id) => await CountAsync(server, [id]) > 0;

    /// <returns>How many of these ids the server has.</returns>
    private async Task<long> CountAsync(PostgresServer server, string[] ids)
    {
        await using var connection = new Npgsql.NpgsqlConnection(server.ConnectionString(_cluster["s1"].Database.Name));
        await connection.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand("select count(distinct id) from sharding.item where id = any ($1)", connection)
        {
            Parameters = { new Npgsql.NpgsqlParameter<string[]> { TypedValue = ids } },
        };
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
