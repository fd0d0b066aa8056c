using ShardCore.Ring;
using ShardCore.RingDocuments;
using TestCluster;

namespace ShardRouter.Tests.Rings;

/// <summary>The look of every second reads the ring's end and not the ring, which may have megabytes; and it still notices whatever is new.</summary>
public sealed class QuietLookTests(SharedPostgres postgres) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    private RedisServer _redis = null!; // of its own: it counts commands
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartNewAsync();
        _cluster = await SeededCluster.CreateAsync([await postgres.CreateShardAsync()], _redis);
        await _cluster.PublishNextAsync([], "s1"); // epoch 2, so that a lower one is possible
        _router = await _cluster.StartRouterAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task While_nothing_changes_no_look_reads_the_ring()
    {
        await LooksAsync(1);
        var (whole, read) = (await _redis.CallsAsync("get"), await ReadAsync());

        await LooksAsync(3);

        Assert.Equal(whole, await _redis.CallsAsync("get"));
        Assert.Equal(read, await ReadAsync());
    }

    [Fact]
    public async Task One_look_reads_a_new_ring_and_the_next_ones_do_not()
    {
        await LooksAsync(1);
        var read = await ReadAsync();
        var next = _cluster.Ring.Next(_cluster.Ring.Shards, _cluster.Ring.Owners);
        await _cluster.WriteRingTextAsync(RingDocumentCodec.Write(next), tell: false);

        await Eventually.ThatAsync(async () => await _router.EpochAsync() == next.Epoch.Value, Limit, "the new ring is in use");
        await LooksAsync(2);

        Assert.Equal(read + 1, await ReadAsync());
    }

    [Theory]
    [InlineData("a lower epoch")]
    [InlineData("another cluster")]
    [InlineData("half a document")]
    public async Task A_ring_that_must_not_be_used_is_refused_at_every_look_though_nobody_told_of_it(string fault)
    {
        var ring = _cluster.Ring;
        var good = RingDocumentCodec.Write(ring);
        await _cluster.WriteRingTextAsync(
            fault switch
            {
                "a lower epoch" => RingDocumentCodec.Write(ShardRing.Create(ring.Cluster, Epoch.First, ring.Shards, ring.Owners)),
                "another cluster" => RingDocumentCodec.Write(ShardRing.Create(new ClusterId(ring.Cluster.Name, Guid.NewGuid()), ring.Epoch, ring.Shards, ring.Owners)),
                _ => good[..(good.Length / 2)],
            },
            tell: false);

        await Eventually.ThatAsync(async () => await RefusedAsync() >= 2, Limit, "two looks refuse it");

        Assert.Equal(ring.Epoch.Value, await _router.EpochAsync());
        await _cluster.WriteRingTextAsync(good, tell: false);
        await LooksAsync(2);
        var refused = await RefusedAsync();
        await LooksAsync(2);
        Assert.Equal(refused, await RefusedAsync());
    }

    [Fact]
    public async Task After_the_ring_was_deleted_the_next_one_is_taken()
    {
        await _cluster.RemoveRingAsync();
        await LooksAsync(2);
        Assert.Equal(_cluster.Ring.Epoch.Value, await _router.EpochAsync());
        var next = _cluster.Ring.Next(_cluster.Ring.Shards, _cluster.Ring.Owners);

        await _cluster.WriteRingTextAsync(RingDocumentCodec.Write(next), tell: false);

        await Eventually.ThatAsync(async () => await _router.EpochAsync() == next.Epoch.Value, Limit, "the new ring is in use");
    }

    /// <summary>Waits until the router has looked so often.</summary>
    private async Task LooksAsync(int count)
    {
        var before = await _redis.CallsAsync("getrange");
        await Eventually.ThatAsync(async () => await _redis.CallsAsync("getrange") >= before + count, Limit, $"the router looks {count} times");
    }

    private Task<double> ReadAsync() => _router.MetricAsync("sharding_ring_read_total");

    private Task<double> RefusedAsync() => _router.MetricAsync("sharding_ring_refused_total");
}
