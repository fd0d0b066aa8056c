using ShardCore.Ring;
using ShardCore.RingStorage;
using StackExchange.Redis;

namespace ShardRouter.Shards;

/// <summary>
/// The router that finds a shard's new primary first tells the others by a message in Redis. They look at once then, instead of within a
/// second. Until a router knows of the takeover, it may read an old primary that still runs, and gets data from before the takeover.
/// </summary>
/// <remarks>
/// The message is only a hint: no router believes it, each asks the hosts. Without Redis the look of each second finds the takeover. Each
/// router sends one message for a takeover, so no message goes round in a circle.
/// </remarks>
internal sealed partial class TakeoverNews(RedisConnection redis, RedisKeys keys, ShardPools pools, ILogger<TakeoverNews> log) : IHostedService
{
    private readonly RedisChannel _channel = RedisChannel.Literal(keys.TakenOver);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        pools.TakenOver = shard => _ = TellAsync(shard);
        try
        {
            await redis.SubscribeAsync(_channel, (_, shard) => Hear(shard.ToString()));
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            LogUnheard(e, redis.Endpoint);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        pools.TakenOver = null;
        return Task.CompletedTask;
    }

    private async Task TellAsync(ShardId shard)
    {
        try
        {
            await redis.CallAsync(database => database.PublishAsync(_channel, shard.Value), CancellationToken.None);
        }
        catch (RedisUnavailableException e)
        {
            LogUntold(e, shard.Value);
        }
    }

    private void Hear(string shard)
    {
        if (ShardId.IsValid(shard))
            pools.LookAgain(new ShardId(shard));
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Redis at {Endpoint} does not answer; this router hears of takeovers from other routers only when Redis answers again")]
    private partial void LogUnheard(Exception exception, string endpoint);

    [LoggerMessage(LogLevel.Warning, "The other routers were not told that shard {Shard} has another primary; they find it within seconds")]
    private partial void LogUntold(Exception exception, string shard);
}
