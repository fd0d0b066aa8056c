using System.Diagnostics;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardAdmin.Backups;

/// <summary>A session that holds hand-overs at one shard (<c>sharding.hold_hand_overs</c>). The end of the session ends the hold.</summary>
/// <remarks>
/// The hold ends within its limit, even if this process is stopped or its machine disappears: the server measures the time and ends the
/// session. Each statement gets half of the time that is left, and the idle time after it the same half, so both together end before the
/// limit. The session has no keep-alive, because the server would count it as work.
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

    /// <summary>Settings for sessions that are not reused afterwards.</summary>
    public static void Configure(NpgsqlConnectionStringBuilder settings)
    {
        AdminSession.Configure(settings);
        settings.Pooling = false;
        settings.KeepAlive = 0;
        settings.Options += SessionSettings.Holding;
    }

    /// <summary>Opens the session. It holds nothing yet.</summary>
    /// <param name="primary">The knowledge about the shard's primary; null: the shard has no standbys.</param>
    /// <param name="clock">Starts when the first shard is asked to hold.</param>
    /// <param name="limit">The time limit of the hold, by this clock.</param>
    public static async Task<HeldShard> OpenAsync(
        ShardDataSources sources, ShardPrimary? primary, Shard shard, Stopwatch clock, TimeSpan limit, CancellationToken cancellation) =>
        new(shard, await sources.Of(shard).OpenAsync(cancellation), primary, clock, limit);

    /// <summary>Returns when hand-overs are held: no freeze is being made at this shard, and none begins.</summary>
    /// <exception cref="CommandFailedException">Hand-overs could not be held in time.</exception>
    public Task HoldAsync(CancellationToken cancellation) => AskAsync<string>(HoldSql, [], cancellation);

    /// <summary>Runs one statement, in its own transaction.</summary>
    /// <returns>The first value of its result; the default value if there is none or it is null.</returns>
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

    /// <summary>Does the same for one statement that the caller runs.</summary>
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
    /// Whether hand-overs at this shard have been held from the beginning until now. If a standby took over, the old server still holds its
    /// own hand-overs, but not those of the new primary; therefore the hosts are looked at once more.
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
            // The commits of this session do not wait for standbys.
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
