using System.Diagnostics;
using Dapper;
using Npgsql;
using ShardCore.Moves.Pipelining;
using ShardCore.Ring;
using ShardCore.Shards;

namespace ShardCore.Moves.Throttling;

/// <summary>
/// Keeps a move's rate at a level that other clients tolerate. Every 50 ms it commits a tiny message at source and targets, as a write
/// would be committed. Twice a second it also reads how much WAL the source keeps and how many transactions there are, and tells a
/// <see cref="ThrottleController"/>.
/// </summary>
public sealed class AdaptiveThrottle : IAsyncDisposable
{
    /// <summary>How much WAL a source without max_slot_wal_keep_size is assumed to be able to keep.</summary>
    public const long DefaultWalLimit = 4L << 30;

    private const int BaselineProbes = 20;
    private const int ProbesEachReading = 10;

    // Of the latencies in a reading, the one at this quantile counts. The longest would be that of one slow flush. The median does not see
    // the bursts that a batch consists of.
    private const double Quantile = 0.8;

    private const string ProbeSql = "select pg_logical_emit_message(true, 'sharding-probe', '')::text";

    private const string BacklogSql = """
        select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::double precision
               / (select case when setting::bigint > 0 then setting::double precision * 1048576 else @otherwise end
                  from pg_settings where name = 'max_slot_wal_keep_size')
        from pg_replication_slots where temporary and slot_name::text like 'sharding_move_%'
        """;

    private const string TransactionsSql = "select xact_commit::double precision from pg_stat_database where datname = current_database()";

    private static readonly TimeSpan BaselineInterval = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(2);

    private readonly ShardDatabase _source;
    private readonly ShardDatabase[] _probed;
    private readonly CopyRate _rate;
    private readonly CancellationTokenSource _stop = new();
    private readonly ThrottleController _controller;
    private readonly Task _adapting;

    private AdaptiveThrottle(ShardDatabase source, ShardDatabase[] probed, CopyRate rate, ThrottleController controller)
    {
        (_source, _probed, _rate, _controller) = (source, probed, rate, controller);
        _rate.BytesPerSecond = controller.BytesPerSecond;
        _adapting = Task.Run(AdaptAsync);
    }

    /// <summary>Measures how long a commit takes without the move, and then begins to adapt.</summary>
    /// <param name="rate">The rate that the throttle sets, from now until it is disposed.</param>
    public static async Task<AdaptiveThrottle> StartAsync(
        MovePipeline pipeline, Shard source, IEnumerable<Shard> targets, CopyRate rate, ThrottleLimits limits,
        CancellationToken cancellation)
    {
        var connections = pipeline.Connections?.Durable ?? throw new ArgumentException(
            "The pipeline has no connections to share.", nameof(pipeline));
        ShardDatabase[] probed = [.. targets.Prepend(source).DistinctBy(shard => shard.Id).Select(connections.Of)];
        var latencies = new List<TimeSpan>();
        await ProbeAllAsync(probed, cancellation); // the first probe is slower, because it makes connections and plans
        for (var probe = 0; probe < BaselineProbes; probe++)
        {
            if (await ProbeAllAsync(probed, cancellation) is { } latency)
                latencies.Add(latency);
            await Task.Delay(BaselineInterval, cancellation);
        }
        return new AdaptiveThrottle(connections.Of(source), probed, rate, new ThrottleController(limits, At(latencies) ?? ProbeLimit));
    }

    private async Task AdaptAsync()
    {
        try
        {
            var before = await TransactionsAsync();
            for (var clock = Stopwatch.StartNew(); ; clock.Restart())
            {
                var (spent, latencies) = (_rate.Spent, new List<TimeSpan>());
                for (var probe = 0; probe < ProbesEachReading; probe++)
                {
                    await Task.Delay(Interval, _stop.Token);
                    if (await ProbeAllAsync(_probed, _stop.Token) is { } latency)
                        latencies.Add(latency);
                }
                var (backlog, transactions, seconds) = (await BacklogAsync(), await TransactionsAsync(), clock.Elapsed.TotalSeconds);
                var busiest = transactions.Zip(before, (now, then) => Math.Max(0, now - then)).Max() / seconds;
                before = transactions;
                _controller.Observe(new ThrottleReading(At(latencies), backlog, (_rate.Spent - spent) / seconds, busiest));
                _rate.BytesPerSecond = _controller.BytesPerSecond;
            }
        }
        catch (Exception e) when (e is OperationCanceledException || _stop.IsCancellationRequested)
        {
            // The move is over. A probe that broke in the same moment may show an error of its shard, but the move reports the error that
            // ended it.
        }
    }

    /// <returns>The latency of the slowest shard; null: one shard did not answer.</returns>
    private static async Task<TimeSpan?> ProbeAllAsync(ShardDatabase[] shards, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(ProbeLimit);
        try
        {
            return (await Task.WhenAll(shards.Select(shard => ProbeAsync(shard, limit.Token)))).Max();
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException
            && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<TimeSpan> ProbeAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        var began = Stopwatch.GetTimestamp();
        await connection.ExecuteAsync(new CommandDefinition(ProbeSql, cancellationToken: cancellation));
        return Stopwatch.GetElapsedTime(began);
    }

    private Task<double> BacklogAsync() => ReadAsync(_source, BacklogSql);

    /// <returns>How many transactions each shard has committed so far.</returns>
    private Task<double[]> TransactionsAsync() => Task.WhenAll(_probed.Select(shard => ReadAsync(shard, TransactionsSql)));

    /// <returns>The value; 0 if the shard is away, which the move will notice itself.</returns>
    private async Task<double> ReadAsync(ShardDatabase shard, string sql)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(ProbeLimit);
        try
        {
            await using var connection = await shard.OpenAsync(limit.Token);
            return await connection.ExecuteScalarAsync<double>(
                new CommandDefinition(sql, new { otherwise = (double)DefaultWalLimit }, cancellationToken: limit.Token));
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException && !_stop.IsCancellationRequested)
        {
            return 0;
        }
    }

    private static TimeSpan? At(List<TimeSpan> latencies)
    {
        latencies.Sort();
        return latencies.Count == 0 ? null : latencies[(int)(latencies.Count * Quantile)];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _adapting;
        _rate.BytesPerSecond = null;
        _stop.Dispose();
    }
}
