using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Sessions;
using ShardCore.Shards;

namespace ShardRouter.Shards;

/// <summary>A server's place in its shard's log, as the server itself tells it.</summary>
/// <param name="Timeline">0: the server is a standby that does not stream, or does not let this user see whether it does.</param>
/// <param name="Lsn">A primary has made its log durable up to here. A standby has applied the log at least up to here.</param>
/// <param name="Received">A standby has received the log up to here, the applied part included; null: unknown.</param>
/// <param name="StartedAt">When the server was started. A server that was restored to an earlier state has another start time.</param>
internal sealed record LogReading(bool IsPrimary, uint Timeline, ulong Lsn, ulong? Received, string StartedAt)
{
    /// <summary>
    /// A SQL expression that gives a reading as an array of text. In a statement that reads data, the reading is taken after the
    /// snapshot.
    /// </summary>
    /// <remarks>
    /// A primary tells what it has flushed. A commit is flushed before anybody sees it or hears of it, so that is enough. What is flushed
    /// also survives a crash. What is only inserted may not survive, and would look like lost commits afterwards. With synchronous_commit
    /// off, commits are seen before they are flushed, so there a primary tells what it has inserted.
    /// A standby tells a new timeline late, except by what it receives.
    /// </remarks>
    public const string Sql = """
        array[
            case when pg_is_in_recovery() then 'standby' else 'primary' end,
            case when pg_is_in_recovery() then (select lpad(to_hex(received_tli), 8, '0') from pg_stat_get_wal_receiver())
                 else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end,
            case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                 when current_setting('synchronous_commit') = 'off' then pg_current_wal_insert_lsn()
                 else pg_current_wal_flush_lsn() end::text,
            case when pg_is_in_recovery() then pg_last_wal_receive_lsn()::text end,
            pg_postmaster_start_time()::text]
        """;

    /// <summary>No session has seen more of the log than this at the server.</summary>
    /// <remarks>
    /// A standby makes a commit visible a moment before it counts the commit's record as applied. If it has received no more than it
    /// counts, there is no such record. Otherwise the next record may already be visible. A server that has applied more than
    /// <see cref="Lsn"/> has that record.
    /// </remarks>
    public ulong Seen => !IsPrimary && Received > Lsn ? Lsn + 1 : Lsn;

    /// <summary>Asks on a session that nobody else uses, and notes the reading there.</summary>
    public static async Task<LogReading> ReadAsync(ShardSession session)
    {
        await using var command = new NpgsqlCommand("select " + Sql, session.Connection);
        await command.PrepareOnceAsync();
        return session.Tells(Parse(await command.ReadValueAsync<string?[]>(CancellationToken.None)));
    }

    /// <exception cref="InvalidOperationException">The array is not an answer to <see cref="Sql"/>.</exception>
    public static LogReading Parse(string?[]? answer) =>
        answer is [{ } role, var timeline, var lsn, var received, { } startedAt]
            ? new LogReading(
                role == "primary",
                uint.TryParse(timeline, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) ? number : 0,
                NpgsqlLogSequenceNumber.TryParse(lsn ?? "", out var at) ? (ulong)at : 0,
                NpgsqlLogSequenceNumber.TryParse(received ?? "", out var came) ? (ulong)came : null,
                startedAt)
            : throw new InvalidOperationException("The shard's answer about its log is not understood.");
}
