using Npgsql;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Pipelining;
using ShardCore.Moves.Throttling;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Moves.Throttling;

public sealed class AdaptiveThrottleTests(SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Wide enough for a busy machine: what the test makes slow is slower.</summary>
    private static readonly ThrottleLimits Limits = new() { Tolerance = 3, LeastSlack = TimeSpan.FromMilliseconds(50), MostSlack = TimeSpan.FromMilliseconds(50), Start = 8 << 20, PatienceAtFloor = 1000 };

    [Fact]
    public async Task A_move_goes_slower_while_commits_at_a_shard_take_longer_and_faster_again_afterwards()
    {
        await using var first = await PostgresProvider.Default.StartAsync();
        await using var second = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: "fsync=on")); // or commit_delay is not heeded
        await using var shards = await MovingShards.StartAsync(first, second, redis);
        await using var pipeline = MovePipeline.Sharing(new ShardAccess(settings => settings.Username = PostgresServer.Superuser), new MoveOptions().StepLimit);
        var rate = new CopyRate(null);
        await using var throttle = await AdaptiveThrottle.StartAsync(
            pipeline, shards.Shards[MovingShards.First], [shards.Shards[MovingShards.Second]], rate, Limits, TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource();
        var moving = SpendAsync(rate, stop.Token);

        await SetAsync(second, "commit_delay = 100000", "commit_siblings = 0"); // each commit takes 100 ms longer
        await Eventually.ThatAsync(() => rate.BytesPerSecond <= Limits.Floor, Limit, "the rate falls to its floor");
        await SetAsync(second, "commit_delay = 0", "commit_siblings = 5");
        await Eventually.ThatAsync(() => rate.BytesPerSecond > 4 * Limits.Floor, Limit, "the rate rises again");

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => moving);
    }

    [Fact]
    public async Task A_move_hurries_when_the_source_keeps_much_of_the_wal_that_it_may_keep()
    {
        await using var first = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: "max_slot_wal_keep_size=64MB"));
        await using var shards = await MovingShards.StartAsync(first, first, redis);
        await using var pipeline = MovePipeline.Sharing(new ShardAccess(settings => settings.Username = PostgresServer.Superuser), new MoveOptions().StepLimit);
        var rate = new CopyRate(null);
        await using var throttle = await AdaptiveThrottle.StartAsync(pipeline, shards.Shards[MovingShards.First], [], rate, Limits, TestContext.Current.CancellationToken);

        await using var mover = await shards.Of(MovingShards.First).OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using (var slot = new NpgsqlCommand("select pg_create_logical_replication_slot('sharding_move_test', 'pgoutput', temporary => true)::text", mover))
            await slot.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        await shards.ScalarAsync<long>(MovingShards.First, "select count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) from generate_series(1, 40)");

        await Eventually.ThatAsync(() => rate.BytesPerSecond == Limits.Most, Limit, "the rate is the highest there is");
    }

    private static async Task SetAsync(PostgresServer server, params string[] settings)
    {
        foreach (var setting in settings)
            await server.ExecuteAsync($"alter system set {setting}");
        await server.ExecuteAsync("select pg_reload_conf()");
    }

    /// <summary>As a copy that takes whatever it may.</summary>
    private static async Task SpendAsync(CopyRate rate, CancellationToken cancellation)
    {
        for (; ; cancellation.ThrowIfCancellationRequested())
        {
            await rate.SpendAsync(64 << 10, cancellation);
            await Task.Yield();
        }
    }
}
