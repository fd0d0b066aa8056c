using System.Collections.Concurrent;
using System.Diagnostics;
using ShardCore.RingStorage;
using StackExchange.Redis;
using TestCluster;

namespace ShardCore.Tests.RingStorage;

/// <summary>Redis comes and goes; no call lasts long and none throws anything but RedisUnavailableException.</summary>
public sealed class RedisConnectionTests
{
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(15);

    /// <summary>The client's, a new line, and a second more for a busy machine.</summary>
    private static readonly TimeSpan SilenceLimit = RedisConnection.SilenceLimit + TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("127.0.0.1:19999")]
    [InlineData("no-such-host.invalid:6379")]
    public async Task Opening_and_calling_without_a_server_is_quick_and_says_unavailable(string endpoint)
    {
        var clock = Stopwatch.StartNew();
        await using var redis = await RedisConnection.OpenAsync(endpoint);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));

        await AssertUnavailableWithin3Seconds(redis);
    }

    [Fact]
    public async Task What_was_opened_before_the_server_started_works_once_it_has()
    {
        await using var server = await RedisServer.StartNewAsync();
        await server.KillAsync();
        await using var redis = await RedisConnection.OpenAsync(server.Endpoint);
        await AssertUnavailableWithin3Seconds(redis);

        await server.StartAsync();

        await AssertRecovers(redis);
    }

    [Fact]
    public async Task A_killed_server_makes_calls_fail_fast_and_comes_back_with_its_subscriptions()
    {
        await using var server = await RedisServer.StartNewAsync();
        await using var redis = await RedisConnection.OpenAsync(server.Endpoint);
        await using var publisher = await RedisConnection.OpenAsync(server.Endpoint);
        var channel = new RedisChannel("news", RedisChannel.PatternMode.Literal);
        var seen = new ConcurrentQueue<string>();
        await redis.SubscribeAsync(channel, (_, message) => seen.Enqueue(message!));
        await redis.CallAsync(database => database.StringSetAsync("key", "kept"), default);

        for (var round = 0; round < 2; round++)
        {
            await server.KillAsync();
            await AssertUnavailableWithin3Seconds(redis);
            await server.StartAsync();
            await AssertRecovers(redis);
        }

        Assert.Equal("kept", await redis.CallAsync(database => database.StringGetAsync("key"), default));
        await Eventually.ThatAsync(
            async () =>
            {
                await publisher.CallAsync(database => database.PublishAsync(channel, "hello"), default);
                return !seen.IsEmpty;
            },
            Recovery, "a message on the channel subscribed to before the restart");
    }

    [Fact]
    public async Task Calls_under_way_when_the_server_dies_all_end_and_none_in_another_exception()
    {
        await using var server = await RedisServer.StartNewAsync();
        await using var redis = await RedisConnection.OpenAsync(server.Endpoint);
        using var stop = new CancellationTokenSource();
        var callers = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            var failed = 0;
            while (!stop.IsCancellationRequested)
            {
                failed += await IsAvailable(redis) ? 0 : 1;
                await Task.Delay(1); // a pace: calls that fail at once would take the whole machine
            }
            return failed;
        })).ToArray();

        await server.KillAsync();
        await server.StartAsync();
        await AssertRecovers(redis);
        await stop.CancelAsync();

        Assert.Contains(await Task.WhenAll(callers).WaitAsync(TimeSpan.FromSeconds(10)), failed => failed > 0);
    }

    [Fact]
    public async Task A_hanging_server_makes_calls_fail_within_3_seconds_and_is_used_again_afterwards()
    {
        await using var server = await RedisServer.StartNewAsync();
        await using var redis = await RedisConnection.OpenAsync(server.Endpoint);
        await AssertRecovers(redis);

        server.Pause();
        await AssertUnavailableWithin3Seconds(redis);
        server.Resume();

        await AssertRecovers(redis);
    }

    /// <summary>Half open: the other end is gone without a word, and the client's own look at the line would take a quarter of an hour.</summary>
    [Fact]
    public async Task A_line_that_fell_silent_is_given_up_for_a_new_one_that_has_its_subscriptions()
    {
        await using var news = await SubscribedAsync();
        var (redis, relay) = (news.Redis, news.Relay);
        await redis.CallAsync(database => database.StringSetAsync("key", "kept"), default);

        relay.FallSilent();
        await AssertUnavailableWithin3Seconds(redis);
        await AssertUnavailableWithin3Seconds(redis);
        relay.MendForNewLines();

        await AssertRecovers(redis);
        Assert.Equal("kept", await redis.CallAsync(database => database.StringGetAsync("key"), default));
        await news.PublishAsync();
        await Eventually.ThatAsync(() => !news.Seen.IsEmpty, Recovery, "a message on the channel subscribed to before the silence");
        Assert.Single(news.Seen);
    }

    /// <summary>Calls go on and never miss an answer; only the socket for messages is dead.</summary>
    [Fact]
    public async Task Messages_come_again_within_seconds_after_only_their_line_fell_silent()
    {
        await using var news = await SubscribedAsync();
        var (redis, relay) = (news.Redis, news.Relay);

        Assert.Equal(1, relay.SilenceLinesThatSent("news"));

        await Eventually.ThatAsync(
            async () =>
            {
                Assert.True(await IsAvailable(redis));
                await news.PublishAsync();
                return !news.Seen.IsEmpty;
            },
            SilenceLimit, "a message on the channel subscribed to before the silence");
    }

    /// <summary>As a firewall that forgets a line does it to a mover that copies for an hour before it publishes.</summary>
    [Fact]
    public async Task A_line_that_fell_silent_while_nobody_called_is_replaced_before_the_next_call()
    {
        await using var server = await RedisServer.StartNewAsync();
        await using var relay = new TcpRelay(server.Host, server.Port);
        await using var redis = await RedisConnection.OpenAsync($"127.0.0.1:{relay.Port}");
        await AssertRecovers(redis);

        relay.FallSilent();
        relay.MendForNewLines();
        await Task.Delay(SilenceLimit);

        Assert.True(await IsAvailable(redis));
    }

    [Fact]
    public async Task Cancelling_a_call_is_told_as_such()
    {
        await using var redis = await RedisConnection.OpenAsync("127.0.0.1:19999");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => redis.CallAsync(_ => new TaskCompletionSource<bool>().Task, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task An_endpoint_that_cannot_be_read_is_refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => RedisConnection.OpenAsync("127.0.0.1:6379,nonsense=1"));

    private static async Task<Subscribed> SubscribedAsync()
    {
        var server = await RedisServer.StartNewAsync();
        var relay = new TcpRelay(server.Host, server.Port);
        var news = new Subscribed(server, relay, await RedisConnection.OpenAsync($"127.0.0.1:{relay.Port}"), await RedisConnection.OpenAsync(server.Endpoint));
        await news.Redis.SubscribeAsync(Subscribed.Channel, (_, message) => news.Seen.Enqueue(message!));
        return news;
    }

    private static async Task AssertUnavailableWithin3Seconds(RedisConnection redis)
    {
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<RedisUnavailableException>(() => redis.CallAsync(database => database.StringGetAsync("key"), default));
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    private static Task AssertRecovers(RedisConnection redis) =>
        Eventually.ThatAsync(() => IsAvailable(redis), Recovery, "a call to Redis succeeds again");

    private static async Task<bool> IsAvailable(RedisConnection redis)
    {
        try
        {
            await redis.CallAsync(database => database.StringGetAsync("key"), default);
            return true;
        }
        catch (RedisUnavailableException)
        {
            return false;
        }
    }

    /// <summary>A connection that goes by way of a relay and listens to a channel, and another that publishes there.</summary>
    private sealed record Subscribed(RedisServer Server, TcpRelay Relay, RedisConnection Redis, RedisConnection Publisher) : IAsyncDisposable
    {
        public static RedisChannel Channel { get; } = new("news", RedisChannel.PatternMode.Literal);

        public ConcurrentQueue<string> Seen { get; } = new();

        public Task<long> PublishAsync() => Publisher.CallAsync(database => database.PublishAsync(Channel, "hello"), default);

        public async ValueTask DisposeAsync()
        {
            await Publisher.DisposeAsync();
            await Redis.DisposeAsync();
            await Relay.DisposeAsync();
            await Server.DisposeAsync();
        }
    }
}
