using System.Collections.Concurrent;
using Npgsql;
using Workbench;

namespace Chaos.Failover;

/// <summary>Asks each host all the time, on a separate connection, whether it is a primary, and for its WAL position.</summary>
internal sealed class HostWatch : IAsyncDisposable
{
    private const int LimitSeconds = 2;

    private const string Sql = """
        select case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer end,
               case when pg_is_in_recovery() then 0 else (pg_current_wal_flush_lsn() - '0/0')::bigint end
        """;

    private static readonly TimeSpan PrimaryPause = TimeSpan.FromMilliseconds(30), StandbyPause = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentQueue<HostSample> _samples = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _work;

    /// <param name="now">The recorder's clock.</param>
    public HostWatch(IReadOnlyList<FailoverHost> hosts, Func<long> now) => _work = [.. hosts.Select(host => WatchAsync(host, now))];

    /// <summary>The samples of one shard; those of each host are in the order of time.</summary>
    public IReadOnlyList<HostSample> Of(string shard) =>
        [.. _samples.Where(sample => sample.Host.StartsWith(shard + "-", StringComparison.Ordinal))];

    public static string ConnectionTo(FailoverHost host) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = host.Port,
        Database = "sharding",
        Username = ShardServer.User,
        Pooling = false,
        Timeout = LimitSeconds,
        CommandTimeout = LimitSeconds,
    }.ConnectionString;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_work);
        _stop.Dispose();
    }

    private async Task WatchAsync(FailoverHost host, Func<long> now)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionTo(host));
                await connection.OpenAsync(_stop.Token);
                await using var command = new NpgsqlCommand(Sql, connection);
                while (true)
                    await Task.Delay(await LookAsync(host, command, now) ? PrimaryPause : StandbyPause, _stop.Token);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or OperationCanceledException)
            {
                // The host is away, hangs or is cut off, as the run intends.
            }
            await Task.Delay(StandbyPause, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> LookAsync(FailoverHost host, NpgsqlCommand command, Func<long> now)
    {
        var at = now();
        await using var reader = await command.ExecuteReaderAsync(_stop.Token);
        await reader.ReadAsync(_stop.Token);
        var sample = new HostSample(at, host.Name, reader.GetInt32(0) > 0, reader.GetInt32(0), reader.GetInt64(1));
        _samples.Enqueue(sample);
        return sample.IsPrimary;
    }
}
