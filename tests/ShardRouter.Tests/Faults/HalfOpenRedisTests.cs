using System.Diagnostics;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>The line to Redis looks established and its other end is silent: neither data nor a reset.</summary>
[Collection(FaultTests.Name)]
public sealed class HalfOpenRedisTests(SharedPostgres postgres, SharedRedis redis)
{
    /// <summary>A look each second, which may take two.</summary>
    private static readonly TimeSpan NoticeLimit = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task A_router_serves_by_the_last_ring_says_so_and_finds_the_next_one_over_a_new_line()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        await using var relay = new TcpRelay(cluster.RedisServer.Host, cluster.RedisServer.Port);
        await using var router = await cluster.StartRouterAsync(("SHARDING_REDIS", $"127.0.0.1:{relay.Port}"));
        var items = await ApiCollection.CreateAsync(router.Api);
        var (stays, moves) = (cluster.PartitionOf("s1", 1), cluster.PartitionOf("s1", 2));
        (await items.PutAsync(moves, "x", "{}")).Expect(201);
        Assert.Equal(1, await router.MetricAsync("sharding_redis_available"));

        relay.FallSilent();

        await Eventually.ThatAsync(async () => await router.MetricAsync("sharding_redis_available") == 0, NoticeLimit, "the metric tells that Redis is silent");
        Assert.StartsWith("ready\n", (await router.HealthAsync("ready")).Expect(200).Text, StringComparison.Ordinal);
        (await items.PutAsync(stays, "x", "{}")).Expect(201);
        var move = await HandOver.RunAsync(cluster, moves, "s2");
        var clock = Stopwatch.StartNew();
        (await items.GetAsync(moves, "x")).Expect(200); // the fence turns it back and says where to
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(1)); // without a wait for Redis, which takes two
        await move.PublishAsync();
        Assert.True(await router.EpochAsync() < cluster.Ring.Epoch.Value);

        relay.MendForNewLines();

        await Eventually.ThatAsync(async () => await router.EpochAsync() == cluster.Ring.Epoch.Value, TimeSpan.FromSeconds(10), "the ring of meanwhile is in use");
        await Eventually.ThatAsync(async () => await router.MetricAsync("sharding_redis_available") == 1, NoticeLimit, "the metric tells that Redis answers");
        await Eventually.ThatAsync(async () => (await cluster.Registry.ListAsync(CancellationToken.None)).Any(entry => entry.Id == router.Id), NoticeLimit, "the router is registered again");
        Assert.Contains("does not answer; the last good ring stays in use", router.Output, StringComparison.Ordinal);
    }
}
