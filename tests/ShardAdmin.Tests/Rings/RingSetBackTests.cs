using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingStorage;
using TestCluster;

namespace ShardAdmin.Tests.Rings;

/// <summary>Redis restored from an older copy: shards and routers know a later ring than it holds.</summary>
public sealed class RingSetBackTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_shard_that_joins_is_published_above_every_epoch_that_shards_and_routers_know()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        var old = (await cluster.RingTextAsync())!;
        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds();
        var lost = (await cluster.RingAsync())!;
        await HeartbeatAsync(cluster, lost.Epoch.Value + 3);
        await cluster.PutRingTextAsync(old);

        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds();

        Assert.Equal(lost.Epoch.Value + 4, (await cluster.RingAsync())!.Epoch.Value);
        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task A_ring_that_lacks_a_shard_of_a_newer_list_is_refused_as_a_basis_and_rebuilt()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        await cluster.NewDatabaseAsync();
        var old = (await cluster.RingTextAsync())!;
        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds();
        var lost = (await cluster.RingAsync())!;
        await cluster.PutRingTextAsync(old);

        (await cluster.RunAsync(cluster.AddArguments(4))).Fails(ExitCode.Precondition, "epoch 1", "epoch 2", "s1, s2, s3", "shardadmin ring rebuild", "Nothing was changed");
        Assert.Equal(old, await cluster.RingTextAsync());
        Assert.Contains("set back", (await cluster.RunAsync("status")).Out, StringComparison.Ordinal);
        var doctor = await cluster.RunAsync("doctor");
        Assert.Equal(ExitCode.Precondition, doctor.Exit);
        Assert.Contains("set back", doctor.Out, StringComparison.Ordinal);

        (await cluster.RunAsync("ring", "rebuild", "--yes")).Succeeds("rebuilt from 3 shards");
        (await cluster.RunAsync(cluster.AddArguments(4))).Succeeds();
        var ring = await cluster.AssertSoundAsync(4);
        Assert.True(ring.Epoch > lost.Epoch);
    }

    [Fact]
    public async Task Routers_alone_that_are_ahead_make_a_rebuild_publish_above_them()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        (await cluster.RunAsync("ring", "rebuild")).Succeeds("Nothing to rebuild");
        await HeartbeatAsync(cluster, 9);
        Assert.Contains("8 ahead", (await cluster.RunAsync("routers")).Out, StringComparison.Ordinal);

        (await cluster.RunAsync("ring", "rebuild", "--yes")).Succeeds("epoch 10");

        Assert.Equal(new Epoch(10), (await cluster.AssertSoundAsync(1)).Epoch);
    }

    private static Task<bool> HeartbeatAsync(AdminCluster cluster, long epoch) => cluster.InRedisAsync(async (connection, _) =>
    {
        await new RouterRegistry(connection, new RedisKeys(cluster.Name)).WriteAsync(
            new RouterHeartbeat("r1", "http://127.0.0.1:1", "http://127.0.0.1:2", 1, epoch, "test", 0, false, DateTimeOffset.UtcNow), TestContext.Current.CancellationToken);
        return true;
    });
}
