using System.Diagnostics;
using Npgsql;
using Workbench;

namespace Chaos.Cluster;

/// <summary>
/// The standby of one shard. In a takeover the standby becomes the shard; afterwards a new standby is made.
/// </summary>
internal sealed class ShardStandby(ChaosCluster cluster, string shard)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    private const string StreamsSql = "select state = 'streaming' from pg_stat_replication where application_name = $1";
    private const string WaitedForSql = "select sync_state = 'sync' from pg_stat_replication where application_name = $1";
    private const string LevelSql = "select coalesce(flush_lsn >= $2::pg_lsn, false) from pg_stat_replication where application_name = $1";
    private const string ReceiverSql = "select pid from pg_stat_wal_receiver where status = 'streaming'";

    private int _stoppedReceiver;

    public string Shard => shard;

    public bool Runs => cluster.ProcessOf(ChaosCluster.StandbyOf(shard)) is not null;

    private ShardServer Primary => cluster.Shard(shard);

    // The same name as in scripts/dev/standby.sh.
    private string Name => $"{shard}_standby";

    /// <summary>Makes a new standby in the place of an earlier one. It streams when this method returns.</summary>
    /// <param name="isSynchronous">True: from then on the shard's commits wait for it.</param>
    public async Task MakeAsync(bool isSynchronous, CancellationToken cancellation)
    {
        await cluster.MakeStandbyAsync(shard);
        await WaitAsync("streams", async () => await ScalarAsync(Primary, StreamsSql, cancellation, Name) is true, cancellation);
        if (!isSynchronous)
            return;
        await ScalarAsync(Primary, $"alter system set synchronous_standby_names = '{Name}'", cancellation);
        await ScalarAsync(Primary, "select pg_reload_conf()", cancellation);
        await WaitAsync("is synchronous", async () => await ScalarAsync(Primary, WaitedForSql, cancellation, Name) is true, cancellation);
    }

    /// <summary>Waits until the standby has flushed everything that the shard had flushed at the time of the call.</summary>
    public async Task BeLevelAsync(CancellationToken cancellation)
    {
        var position = (string)(await ScalarAsync(Primary, "select pg_current_wal_flush_lsn()::text", cancellation))!;
        await WaitAsync(
            $"has flushed {position}", async () => await ScalarAsync(Primary, LevelSql, cancellation, Name, position) is true, cancellation);
    }

    /// <summary>Stops the receiving process with SIGSTOP: the primary still lists the standby, but the standby lags from now on.</summary>
    public async Task StopReceivingAsync(CancellationToken cancellation)
    {
        await WaitAsync("has a receiver", async () =>
        {
            _stoppedReceiver = await ScalarAsync(cluster.Standby(shard), ReceiverSql, cancellation) as int? ?? 0;
            return _stoppedReceiver > 0;
        }, cancellation);
        ProcessTree.StopAll(_stoppedReceiver);
    }

    /// <summary>Continues the receiving process, if it was stopped and there has been no takeover since.</summary>
    public void GoOnReceiving()
    {
        if (_stoppedReceiver > 0)
            ProcessTree.ContinueAll(_stoppedReceiver);
        _stoppedReceiver = 0;
    }

    /// <summary>Kills the shard's server. When it returns, the former standby answers as the shard.</summary>
    public async Task TakeOverAsync()
    {
        await cluster.TakeOverAsync(shard);
        _stoppedReceiver = 0;
    }

    private async Task WaitAsync(string what, Func<Task<bool>> condition, CancellationToken cancellation)
    {
        for (var clock = Stopwatch.StartNew(); !await condition(); await Task.Delay(Pause, cancellation))
            if (clock.Elapsed > Limit)
                throw new InvalidOperationException($"Waited {Limit.TotalSeconds} s in vain: the standby of {shard} {what}.");
    }

    private static async Task<object?> ScalarAsync(
        ShardServer server, string sql, CancellationToken cancellation, params string[] parameters)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        return await command.ExecuteScalarAsync(cancellation);
    }
}
