using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardRouter.Rings;
using ShardRouter.Shards;

namespace ShardRouter.Operations;

/// <summary>
/// Deletes expired items, which nobody can see any more. Every router does it for every shard, in small steps. A step skips rows that
/// another router is deleting. So several routers do no harm, and one is enough.
/// </summary>
/// <remarks>
/// Each shard has a sweep of its own. A shard that is slow or hangs does not hold up the others. Its next sweep begins when the last one
/// has ended.
/// </remarks>
internal sealed partial class ExpirySweep(RingHolder holder, ShardPools pools, TimeProvider time, ILogger<ExpirySweep> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    /// <summary>The limit of one step, which normally takes milliseconds. The next sweep does the rest.</summary>
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(10);

    private const int StepSize = 500;

    /// <summary>
    /// With hundreds of collections whose items expire, a sweep has thousands of steps. After so many steps it pauses behind each one that
    /// finds nothing, so that it takes a small part of the shard's time. Nobody sees expired items meanwhile.
    /// </summary>
    private const int AtOnceSteps = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

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
            Step? next = new("", 0, HasDeleted: true);
            for (var steps = 1; next is { } from; steps++)
            {
                next = await StepAsync(pool, from, stop);
                if (next is { HasDeleted: false } && steps >= AtOnceSteps)
                    await Task.Delay(Pause, time, stop);
            }
        }
        catch (ShardCallException)
        {
            // the pool has counted and logged it; the next sweep tries again
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // An exception from here would end the router, and a damaged page of one shard must not do that.
            LogFailed(e, pool.Shard.Id.Value);
        }
    }

    /// <returns>Where the next step begins; null: no step is left.</returns>
    private async Task<Step?> StepAsync(ShardPool pool, Step from, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(StepLimit, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        return await pool.RunAsync("sweep", writes: true, call => DeleteSomeAsync(call.Connection, from), deadline.Token);
    }

    private static async Task<Step?> DeleteSomeAsync(NpgsqlConnection connection, Step from)
    {
        await using var command = new NpgsqlCommand(
            "select next_collection, next_from, deleted > 0 from sharding.delete_expired($1, $2, $3)", connection)
        {
            Parameters =
            {
                new NpgsqlParameter<int> { TypedValue = StepSize },
                new NpgsqlParameter<string> { TypedValue = from.Collection },
                new NpgsqlParameter<int> { TypedValue = from.Slot },
            },
        };
        return (await command.ReadAllAsync(
            row => row.IsDBNull(0) ? null : new Step(row.GetString(0), row.GetInt32(1), row.GetBoolean(2)), CancellationToken.None)).Single();
    }

    /// <summary>Where a step begins.</summary>
    /// <param name="Collection">Collections are looked at by name; empty: from the first one.</param>
    /// <param name="HasDeleted">The step before it deleted something.</param>
    private sealed record Step(string Collection, int Slot, bool HasDeleted);

    [LoggerMessage(LogLevel.Error, "Expired items of shard {Shard} could not be deleted")]
    private partial void LogFailed(Exception exception, string shard);
}
