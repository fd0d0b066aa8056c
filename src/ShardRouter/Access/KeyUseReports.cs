using ShardCore.Access;
using ShardCore.Ring;
using ShardRouter.Callers;
using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Access;

/// <summary>
/// Tells one shard, once a minute and when the router stops, which keys were used since and when. It is for people who want to know
/// whether a key is still needed, so a report that is lost with its router does no harm.
/// </summary>
internal sealed partial class KeyUseReports(
    KeyHolder keys, RingHolder holder, ShardPools pools, TimeProvider time, ILogger<KeyUseReports> log)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await ReportAsync();
        }
        catch (OperationCanceledException)
        {
            await ReportAsync();
        }
    }

    private async Task ReportAsync()
    {
        if (holder.Current is not { } ring || keys.Current is not { } known)
            return;
        var used = known.Uses.Select(each => (Id: each.Key, Use: each.Value, each.Value.Second))
            .Where(each => each.Second > each.Use.Told).ToArray();
        if (used.Length == 0)
            return;
        string[] ids = [.. used.Select(each => each.Id)];
        DateTime[] at = [.. used.Select(each => new DateTime(each.Second * TimeSpan.TicksPerSecond, DateTimeKind.Utc))];
        foreach (var pool in ring.Shards.Select(shard => pools.Of(shard, ring.Cluster)).Where(pool => pool.Circuit.IsClosed))
        {
            try
            {
                using var deadline = new CancellationTokenSource(Limit, time);
                await pool.RunAsync(
                    "keys", writes: true, call => ApiKeyStore.NoteUsesAsync(call.Connection, ids, at, CancellationToken.None), deadline.Token);
                foreach (var (_, use, second) in used)
                    use.Told = second;
                return;
            }
            catch (ShardCallException)
            {
                // counted and logged there; the next shard, or the next minute
            }
            catch (Exception e)
            {
                LogFailed(e, pool.Shard.Id.Value); // a damaged page of one shard must not end the router, as what is thrown from here would
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "Shard {Shard} could not note when API keys were used")]
    private partial void LogFailed(Exception exception, string shard);
}
