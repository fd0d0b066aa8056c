using System.Globalization;
using NpgsqlTypes;
using Workbench;

namespace TestCluster;

/// <summary>
/// A standby of a server: a folder, a port and a replication slot of its own. It streams until a test stops its receiving or
/// the whole standby, and it can take over from its primary.
/// </summary>
public sealed class PostgresStandby : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly LocalPostgresServer _primary;
    private readonly LocalPostgresServer _standby;
    private int _stoppedReceiver;

    private PostgresStandby(string name, LocalPostgresServer primary, LocalPostgresServer standby) =>
        (Name, _primary, _standby) = (name, primary, standby);

    /// <summary>Its application_name at the primary, and its replication slot's name.</summary>
    public string Name { get; }

    /// <summary>The standby itself, to be asked, stopped, killed and started like any server.</summary>
    public PostgresServer Server => _standby;

    internal static async Task<PostgresStandby> StartAsync(
        LocalPostgresServer primary, string program, PostgresOptions options, string name)
    {
        var folder = options.Disk?.NewPath() ?? TemporaryFolder.NewPath("standby");
        var conninfo = string.Create(
            CultureInfo.InvariantCulture,
            $"host={primary.Host} port={primary.Port} user={PostgresServer.Superuser} application_name={name}");
        await ChildProcess.RunAsync(
            Path.Combine(Path.GetDirectoryName(program)!, "pg_basebackup"),
            ["-D", folder, "-d", conninfo, "--write-recovery-conf", "--create-slot", "--slot", name, "--checkpoint=fast", "--no-sync"],
            LocalPostgresProvider.User);
        var standby = new PostgresStandby(name, primary, new LocalPostgresServer(program, folder, options));
        try
        {
            await standby._standby.StartAsync();
            await standby.IsStreamingAsync();
            // The copy has the primary's settings. Once promoted it would wait for standbys that do not follow it.
            await standby._standby.ExecuteAsync("alter system reset synchronous_standby_names");
            return standby;
        }
        catch
        {
            await standby.DisposeAsync();
            throw;
        }
    }

    /// <summary>From here on every commit of the primary waits until this standby has flushed it.</summary>
    public async Task MakeSynchronousAsync()
    {
        await _primary.ExecuteAsync($"alter system set synchronous_standby_names = '{Name}'");
        await _primary.ExecuteAsync("select pg_reload_conf()");
        await Eventually.ThatAsync(
            async () => await SyncStateAsync() == "sync", Limit, $"{Name} is the synchronous standby of {_primary.Host}:{_primary.Port}");
    }

    /// <summary>The primary waits for no standby any more; commits that wait go on.</summary>
    public async Task MakeAsynchronousAsync()
    {
        await _primary.ExecuteAsync("alter system reset synchronous_standby_names");
        await _primary.ExecuteAsync("select pg_reload_conf()");
        await Eventually.ThatAsync(
            async () => await SyncStateAsync() != "sync", Limit, $"{Name} is no synchronous standby any more");
    }

    /// <summary>
    /// SIGSTOP to the process that receives: the standby answers, the primary lists it (for wal_sender_timeout, a minute), and it lags.
    /// </summary>
    public async Task StopReceivingAsync()
    {
        await IsStreamingAsync();
        _stoppedReceiver = await _standby.ScalarAsync<int>("select pid from pg_stat_wal_receiver");
        UnixSignal.Stop.SendTo(_stoppedReceiver);
        await Eventually.ThatAsync(() => ProcessTree.IsStopped(_stoppedReceiver), Limit, $"the receiver of {Name} is stopped");
    }

    /// <summary>SIGCONT to the process that receives.</summary>
    public void GoOnReceiving() => UnixSignal.Continue.SendTo(Interlocked.Exchange(ref _stoppedReceiver, 0) is > 0 and var receiver
        ? receiver
        : throw new InvalidOperationException($"The receiver of {Name} was not stopped."));

    /// <summary>Waits until the standby has flushed the primary's WAL up to <paramref name="position"/>.</summary>
    public Task FlushedAsync(NpgsqlLogSequenceNumber position) => Eventually.ThatAsync(
        async () => await _standby.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_last_wal_receive_lsn()") >= position,
        Limit, $"{Name} has flushed {position}");

    /// <summary>Waits until the standby has flushed all that the primary has flushed now.</summary>
    public async Task CaughtUpAsync() =>
        await FlushedAsync(await _primary.ScalarAsync<NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()"));

    /// <summary>Takes over at its own address, whatever the primary does: if that runs, there are two.</summary>
    public async Task PromoteAsync()
    {
        if (!await _standby.ScalarAsync<bool>("select pg_promote(true, 60)"))
            throw new InvalidOperationException($"{Name} was not promoted.");
    }

    /// <summary>
    /// Kills the primary and promotes this standby in its place: the primary's <see cref="PostgresServer"/> stands for the promoted one
    /// from here on, at the same address, and this object is spent. It works whether the primary, the standby and its receiver run or not.
    /// </summary>
    public async Task PromoteInPlaceAsync()
    {
        await _primary.GiveWayToAsync(_standby);
        _stoppedReceiver = 0; // it was killed with the others
    }

    public async ValueTask DisposeAsync()
    {
        if (_stoppedReceiver > 0)
            GoOnReceiving(); // a stopped process would hold up the end of the standby
        await _standby.DisposeAsync();
    }

    private Task<string?> SyncStateAsync() =>
        _primary.ScalarAsync<string>($"select sync_state from pg_stat_replication where application_name = '{Name}'");

    private Task IsStreamingAsync() => Eventually.ThatAsync(
        async () => await _standby.ScalarAsync<string>("select status from pg_stat_wal_receiver") == "streaming", Limit, $"{Name} streams");
}
