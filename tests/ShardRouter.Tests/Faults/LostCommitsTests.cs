using NpgsqlTypes;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards.History;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>A router goes on serving a shard that came back without its last commits, and says so.</summary>
public sealed class LostCommitsTests(SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private const string Lost = "sharding_shard_lost_commits";
    private const string First = "shard=\"s1\"";

    private PostgresServer _server = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresProvider.Default.StartAsync();
        TestDatabase[] databases = [await _server.CreateDatabaseAsync(), await _server.CreateDatabaseAsync()];
        _cluster = await SeededCluster.CreateAsync(databases, await redis.ServerAsync());
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
    }

    [Fact]
    public async Task A_standby_that_lacks_an_acknowledged_write_is_served_and_reported_until_the_loss_is_accepted()
    {
        var pk = _cluster.PartitionOf("s1");
        await using var standby = await _server.StartStandbyAsync("b");
        (await _items.PutAsync(pk, "kept", "{}")).Expect(201);
        await standby.CaughtUpAsync();
        await standby.StopReceivingAsync();
        (await _items.PutAsync(pk, "lost", "{}")).Expect(201);
        await PositionSeenAsync();

        await standby.PromoteInPlaceAsync();
        await ServesAsync(pk, "kept");

        (await _items.GetAsync(pk, "lost")).ExpectProblem(404, "item-not-found");
        await LostAsync(1);
        Assert.Equal(1, await _router.MetricAsync("sharding_shard_losses_total", First));
        Assert.Contains("Shard s1 lost commits: it was seen at ", _router.Output, StringComparison.Ordinal);
        Assert.Contains("Next: shardadmin accept-loss s1", _router.Output, StringComparison.Ordinal);
        // A router that starts now learns it from Redis.
        await using var later = await _cluster.StartRouterAsync();
        await Eventually.ThatAsync(async () => (int)await later.MetricAsync(Lost, First) == 1, Limit, "the later router knows the loss");

        await AcceptAsync();

        await LostAsync(0);
        (await _items.PutAsync(pk, "after", "{}")).Expect(201);
        await PositionSeenAsync();
        await LostAsync(0);
    }

    [Fact]
    public async Task A_crash_is_no_loss_and_slots_that_the_shard_forgot_are_counted_after_the_reconnect()
    {
        var pk = _cluster.PartitionOf("s1", 2);
        await Eventually.ThatAsync(async () => (await _items.PutAsync(pk, "x", "{}")).Status is 200 or 201, Limit, "s1 is served");
        await PositionSeenAsync();
        var other = SlotHash.Of(pk).Value;
        var some = $"select slot from sharding.slot_ownership where slot <> {other} limit 3";
        await ChangeAsync($"update sharding.slot_ownership set state = 'released', peer = 's2' where slot in ({some})");

        await _server.KillAsync();
        await _server.StartAsync();
        await ServesAsync(pk, "x");

        await DisagreeAsync(3);
        Assert.Contains("have disagreed about the owner of 3 slots", _router.Output, StringComparison.Ordinal);
        await PositionSeenAsync();
        Assert.Equal(0, await _router.MetricAsync(Lost, First));
        await ChangeAsync("update sharding.slot_ownership set state = 'owned', peer = null where state = 'released'");
        await DisagreeAsync(0);
        Assert.DoesNotContain("lost commits", _router.Output, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _server.DisposeAsync();
    }

    private async Task ChangeAsync(string sql)
    {
        _cluster["s1"].Database.DataSource.Clear(); // connections from before a stop
        await _cluster["s1"].Database.ExecuteAsync(sql);
    }

    private Task ServesAsync(string pk, string id) =>
        Eventually.ThatAsync(async () => (await _items.GetAsync(pk, id)).Status == 200, Limit, "s1 is served again");

    private Task LostAsync(int expected) => Eventually.ThatAsync(
        async () => (int)await _router.MetricAsync(Lost, First) == expected, Limit, $"the gauge of lost commits is {expected}");

    private Task DisagreeAsync(int expected) => Eventually.ThatAsync(
        async () => (int)await _router.MetricAsync("sharding_shard_disagreeing_slots", First) == expected,
        Limit, $"{expected} slots of s1 disagree");

    /// <summary>Waits until Redis has a position of s1 that is as far as the server is now.</summary>
    private async Task PositionSeenAsync()
    {
        var lsn = await _server.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()");
        await Eventually.ThatAsync(
            () => WithStoreAsync(async store => (await StoredAsync(store, "s1"))?.Position.Lsn >= lsn), Limit, $"{lsn} of s1 is known");
    }

    /// <summary>What <c>shardadmin accept-loss</c> writes.</summary>
    private Task<bool> AcceptAsync() => WithStoreAsync(async store =>
    {
        foreach (var shard in new[] { "s1", "s2" }) // one server
        {
            await Eventually.ThatAsync(
                async () => (await StoredAsync(store, shard))?.Loss is not null, Limit, $"the loss of {shard} is noted");
            var stored = (await store.ReadAsync(default))[shard];
            var accepted = new PositionWrite(stored, new KeptPosition(stored.Value!.Loss!.Found, 1, null));
            Assert.True(await store.SwapAsync(new ShardId(shard), accepted, default));
        }
        return true;
    });

    private static async Task<KeptPosition?> StoredAsync(ShardPositionStore store, string shard) =>
        (await store.ReadAsync(default)).GetValueOrDefault(shard)?.Value;

    private async Task<bool> WithStoreAsync(Func<ShardPositionStore, Task<bool>> work)
    {
        await using var connection = await RedisConnection.OpenAsync(_cluster.RedisServer.Endpoint);
        return await work(new ShardPositionStore(connection, _cluster.Keys));
    }
}
