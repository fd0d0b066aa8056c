using System.Diagnostics;
using Npgsql;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardAdmin.Backups;

/// <summary>A session in which hand-overs at one shard are held (<c>sharding.hold_hand_overs</c>), and whose end gives them free.</summary>
/// <remarks>
/// The hold ends by itself within its limit, whatever becomes of this process. Each statement, and the idle time behind it, gets half of
/// the time that is left, so both together end before the limit. The server counts that time, and it ends the session: also if this
/// process is stopped, or if its machine is gone without a word. No keep-alive runs here, because it would be work in the server's eyes.
/// </remarks>
internal sealed class HeldShard : IAsyncDisposable
{
    private const string HoldSql = "select sharding.hold_hand_overs()::text";
    private const string IdleTooLong = "57P05";

    private readonly ShardConnection _connection;
    private readonly ShardPrimary? _primary;
    private readonly Stopwatch _clock;
    private readonly TimeSpan _limit;

    private HeldShard(Shard shard, ShardConnection connection, ShardPrimary? primary, Stopwatch clock, TimeSpan limit) =>
        (Shard, _connection, _primary, _clock, _limit) = (shard, connection, primary, clock, limit);

    public Shard Shard { get; }

    /// <summary>For sessions that are not given to anybody else afterwards.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings)
    {
        AdminSession.Configure(settings);
        settings.Pooling = false;
        settings.KeepAlive = 0;
        settings.Options += SessionSettings.Holding;
    }

    /// <summary>Nothing is held yet.</summary>
    /// <param name="primary">Of the shard, if it has standbys.</param>
    /// <param name="clock">Starts when the first shard is asked to hold.</param>
    /// <param name="limit">By that clock.</param>
    public static async Task<HeldShard> OpenAsync(
        ShardDataSources sources, ShardPrimary? primary, Shard shard, Stopwatch clock, TimeSpan limit, CancellationToken cancellation) =>
        new(shard, await sources.Of(shard).OpenAsync(cancellation), primary, clock, limit);

    /// <summary>Returns when hand-overs are held: no freeze is under way here, and none begins.</summary>
    /// <exception cref="CommandFailedException">They could not be held in time.</exception>
    public Task HoldAsync(CancellationToken cancellation) => AskAsync<string>(HoldSql, [], cancellation);

    /// <summary>One statement, in a transaction of its own.</summary>
    /// <returns>Its first value; default: none, or null.</returns>
    /// <exception cref="CommandFailedException">The time is over.</exception>
    public Task<T?> AskAsync<T>(string sql, object[] values, CancellationToken cancellation) => AskAsync(
        async connection =>
        {
            await using var command = new NpgsqlCommand(sql, connection);
            foreach (var value in values)
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            return await command.ReadValueAsync<T>(cancellation);
        },
        cancellation);

    /// <summary>The same, for one statement that the caller runs.</summary>
    /// <exception cref="CommandFailedException">The time is over.</exception>
    public async Task<T> AskAsync<T>(Func<NpgsqlConnection, Task<T>> ask, CancellationToken cancellation)
    {
        try
        {
            await ShortenAsync(cancellation);
            return await ask(_connection);
        }
        catch (PostgresException e)
            when (e.SqlState is PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.LockNotAvailable or IdleTooLong)
        {
            throw TooSlow(e.MessageText);
        }
    }

    /// <returns>
    /// Whether hand-overs have been held here from the beginning until now. A server that was replaced holds its own, and not those of its
    /// standby that took over; so the hosts are looked at once more.
    /// </returns>
    public async Task<bool> IsUnbrokenAsync(CancellationToken cancellation)
    {
        if (!await AskAsync<bool>("select sharding.holds_hand_overs()", [], cancellation))
            return false;
        if (_primary is not null)
            await _primary.LookAsync(cancellation);
        return !_connection.IsReplaced;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _connection.DisposeAsync();
        }
        catch (CommitNotConfirmedException)
        {
            // Its commits do not wait for standbys.
        }
    }

    private async Task ShortenAsync(CancellationToken cancellation)
    {
        var half = (int)((_limit - _clock.Elapsed) / 2).TotalMilliseconds;
        if (half < 1)
            throw TooSlow("the time is over");
        await using var command = new NpgsqlCommand(
            FormattableString.Invariant($"set idle_session_timeout = {half}; set statement_timeout = {half}; set lock_timeout = {half}"),
            _connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private CommandFailedException TooSlow(string why) => HandOverHold.TooSlow(_limit, $"shard {Shard.Id} was too slow ({why})");
}
