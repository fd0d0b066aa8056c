using ShardCore.Ring;
using ShardCore.RingStorage;
using StackExchange.Redis;

namespace ShardRouter.Shards;

/// <summary>
/// The router that finds a shard's new primary first tells the others, by a message in Redis, and they look at once instead of within a
/// second. Until a router knows, an old primary that runs on answers its reads with what was before the takeover.
/// </summary>
/// <remarks>
/// A hint and no more: nobody believes the message, everybody asks the hosts. Without Redis it is the look of each second that tells.
/// Each router sends one message for a takeover, so none goes round in a circle.
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

    [LoggerMessage(LogLevel.Warning, "Redis at {Endpoint} does not answer; takeovers that other routers find are heard of when it does")]
    private partial void LogUnheard(Exception exception, string endpoint);

    [LoggerMessage(LogLevel.Warning, "The other routers were not told that shard {Shard} has another primary; they find it within seconds")]
    private partial void LogUntold(Exception exception, string shard);
}
