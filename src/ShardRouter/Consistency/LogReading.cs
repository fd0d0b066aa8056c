using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Shards;
using ShardRouter.Shards;

namespace ShardRouter.Consistency;

/// <summary>Where a server is in its shard's log, as it says itself.</summary>
/// <param name="Timeline">0: a standby that does not stream, or does not let this user see whether it does.</param>
/// <param name="Lsn">Primary: durable. Standby: applied, at least.</param>
/// <param name="Received">Standby: what it has received, the applied part included; null: unknown.</param>
/// <param name="StartedAt">When the server was started: one that was restored to an earlier state has another.</param>
internal sealed record LogReading(bool IsPrimary, uint Timeline, ulong Lsn, ulong? Received, string StartedAt)
{
    /// <summary>SQL: an expression that gives a reading as an array of text. In a statement that reads it is of after its snapshot.</summary>
    /// <remarks>
    /// A primary tells what is flushed. A commit is flushed before anybody sees it or hears of it, so that is enough; and it survives a
    /// crash, where what is only inserted may not, and would look like lost commits afterwards. With synchronous_commit off commits are
    /// seen earlier, so there it is what is inserted. A standby tells a new timeline late, except by what it receives.
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

    /// <summary>What a session at a standby has seen is not beyond this.</summary>
    /// <remarks>
    /// A standby makes a commit visible a moment before it counts its record as applied. If it has received no more than it counts, there
    /// is no such record. Otherwise the next one may be visible: who has applied more than <see cref="Lsn"/> has it.
    /// </remarks>
    public ulong Seen => !IsPrimary && Received > Lsn ? Lsn + 1 : Lsn;

    /// <summary>Asks on a session that nobody else uses, and notes it there.</summary>
    public static async Task<LogReading> ReadAsync(ShardSession session)
    {
        await using var command = new NpgsqlCommand("select " + Sql, session.Connection);
        await command.PrepareOnceAsync();
        return session.Tells(Parse(await command.ReadValueAsync<string?[]>(CancellationToken.None)));
    }

    /// <exception cref="InvalidOperationException">That is no answer to <see cref="Sql"/>.</exception>
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
