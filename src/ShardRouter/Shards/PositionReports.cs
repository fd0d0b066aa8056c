using ShardCore.RingStorage;
using ShardRouter.Routing;

namespace ShardRouter.Shards;

/// <summary>
/// Exchanges with Redis, once a second, what is known of the shards' positions. It is not a part of <see cref="Registration"/>: a slow
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
                // The ring's watcher tells of Redis; this router's own memory stays.
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
