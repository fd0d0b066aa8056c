using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace ShardCore.Shards.History;

/// <summary>What a primary says of its log in one answer.</summary>
/// <param name="Now">What it has on its disk. This is compared with what was seen before.</param>
/// <param name="Confirmed">
/// What an ordinary failover keeps, and so what is remembered. With synchronous standbys it is what they have on their disks, because no
/// later commit was answered. Null: no synchronous standby is there, so nothing is answered now.
/// </param>
public sealed record ShardReading(ShardPosition Now, ShardPosition? Confirmed)
{
    /// <summary>
    /// SQL: an expression that gives the reading as text, null on a standby. <c>pg_walfile_name</c> tells a new timeline at once, where
    /// <c>pg_control_checkpoint</c> tells it only after a checkpoint. Who may not see what standbys say takes the primary's own word.
    /// </summary>
    public const string Sql = """
        case when not pg_is_in_recovery() then concat_ws(' ',
            (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8), pg_current_wal_flush_lsn(),
            case when current_setting('synchronous_standby_names') = '' or current_setting('synchronous_commit') in ('off', 'local')
                      or not pg_has_role('pg_read_all_stats', 'usage')
                 then pg_current_wal_flush_lsn()
                 else (select case when bool_or(r.sync_state = 'sync') then min(r.flush_lsn) filter (where r.sync_state = 'sync')
                     else (array_agg(r.flush_lsn order by r.flush_lsn desc nulls last) filter (where r.sync_state = 'quorum'))
                         [coalesce(substring(current_setting('synchronous_standby_names') from '(?i)^\s*any\s+(\d+)')::integer, 1)] end
                     from pg_stat_replication r) end)
        end
        """;

    /// <returns>Null: it is a standby.</returns>
    public static async Task<ShardReading?> ReadAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand("select " + Sql, connection);
        return TryParse(await command.ReadValueAsync<string>(cancellation));
    }

    /// <param name="text">What <see cref="Sql"/> gave.</param>
    public static ShardReading? TryParse(string? text)
    {
        if (text?.Split(' ') is not [var system, var timeline, var lsn, .. var confirmed]
            || !uint.TryParse(timeline, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            || !NpgsqlLogSequenceNumber.TryParse(lsn, out var flushed))
            return null;
        var now = new ShardPosition(system, number, flushed);
        var isConfirmed = NpgsqlLogSequenceNumber.TryParse(confirmed is [var other] ? other : "", out var parsed);
        return new ShardReading(now, isConfirmed ? now with { Lsn = parsed } : null);
    }
}
