using Npgsql;
using ShardCore.Shards;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Operations;

/// <summary>
/// Deletes expired items, which nobody can see any more. Every router does it for every shard, in small steps; rows
/// that another is deleting are skipped, so any number of routers do no harm and one is enough.
/// </summary>
internal sealed partial class ExpirySweep(RingHolder holder, ShardPools pools, TimeProvider time, ILogger<ExpirySweep> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);
    private const int BatchSize = 500;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            if (holder.Current is { } ring)
                foreach (var shard in ring.Shards)
                    await SweepAsync(pools.Of(shard, ring.Cluster), stoppingToken);
    }

    private async Task SweepAsync(ShardPool pool, CancellationToken cancellation)
    {
        try
        {
            while (await pool.RunAsync("sweep", writes: true, call => DeleteSomeAsync(call.Connection), cancellation) == BatchSize)
            {
                // more of them
            }
        }
        catch (ShardCallException)
        {
            // counted and logged there; the next round tries again
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(e, pool.Shard.Id.Value); // a damaged page of one shard must not end the router, as what is thrown from here would
        }
    }

    private static async Task<int> DeleteSomeAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand("select sharding.delete_expired($1)", connection) { Parameters = { new NpgsqlParameter<int> { TypedValue = BatchSize } } };
        return await command.ReadValueAsync<int>(CancellationToken.None);
    }

    [LoggerMessage(LogLevel.Error, "Expired items of shard {Shard} could not be deleted")]
    private partial void LogFailed(Exception exception, string shard);
}
