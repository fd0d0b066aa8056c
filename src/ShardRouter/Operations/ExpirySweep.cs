using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Routing;
using ShardRouter.Shards;

namespace ShardRouter.Operations;

/// <summary>
/// Deletes expired items, which nobody can see any more. Every router does it for every shard, in small steps; rows
/// that another is deleting are skipped, so any number of routers do no harm and one is enough.
/// </summary>
/// <remarks>Each shard has a sweep of its own: one that is slow or hangs does not hold up the others, and its next one begins when it has ended.</remarks>
internal sealed partial class ExpirySweep(RingHolder holder, ShardPools pools, TimeProvider time, ILogger<ExpirySweep> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>For one step, which normally takes milliseconds. What it did not do, the next sweep does.</summary>
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(10);

    private const int StepSize = 500;

    private readonly Dictionary<ShardId, Task> _sweeps = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                Begin(stoppingToken);
        }
        finally
        {
            await Task.WhenAll(_sweeps.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Begin(CancellationToken stop)
    {
        foreach (var ended in _sweeps.Where(sweep => sweep.Value.IsCompleted).Select(sweep => sweep.Key).ToArray())
            _sweeps.Remove(ended);
        if (holder.Current is not { } ring)
            return;
        foreach (var shard in ring.Shards.Where(shard => !_sweeps.ContainsKey(shard.Id)))
            _sweeps[shard.Id] = SweepAsync(pools.Of(shard, ring.Cluster), stop);
    }

    private async Task SweepAsync(ShardPool pool, CancellationToken stop)
    {
        try
        {
            for (int? from = 0; from is { } slot;)
                from = await StepAsync(pool, slot, stop);
        }
        catch (ShardCallException)
        {
            // counted and logged there; the next sweep tries again
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogFailed(e, pool.Shard.Id.Value); // a damaged page of one shard must not end the router, as what is thrown from here would
        }
    }

    /// <returns>The slot with which the next step begins; null: there is none.</returns>
    private async Task<int?> StepAsync(ShardPool pool, int from, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(StepLimit, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        return await pool.RunAsync("sweep", writes: true, call => DeleteSomeAsync(call.Connection, from), deadline.Token);
    }

    private static async Task<int?> DeleteSomeAsync(NpgsqlConnection connection, int from)
    {
        await using var command = new NpgsqlCommand("select next_from from sharding.delete_expired($1, $2)", connection)
        {
            Parameters = { new NpgsqlParameter<int> { TypedValue = StepSize }, new NpgsqlParameter<int> { TypedValue = from } },
        };
        return await command.ReadValueAsync<int?>(CancellationToken.None);
    }

    [LoggerMessage(LogLevel.Error, "Expired items of shard {Shard} could not be deleted")]
    private partial void LogFailed(Exception exception, string shard);
}
