using ShardCore.RingStorage;
using ShardRouter.Rings;

namespace ShardRouter.Shards;

/// <summary>
/// Exchanges the known positions of the shards with Redis, once a second. It is not a part of <see cref="Registration"/>, because a slow
/// answer must not delay the heartbeat.
/// </summary>
internal sealed class PositionReports(ShardPositionStore store, ShardHistories histories, RingHolder holder, TimeProvider time)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            if (holder.Current is not { } ring)
                continue;
            try
            {
                var known = histories.OfRing(ring);
                await store.WriteAsync(known, stoppingToken);
                await store.ReadAsync(known, stoppingToken);
            }
            catch (RedisUnavailableException)
            {
                // RingWatcher logs that Redis is away. This router keeps what it knows itself.
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
