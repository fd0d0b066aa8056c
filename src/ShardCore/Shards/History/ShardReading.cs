using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using ShardCore.Sessions;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards.History;

/// <summary>The answer of a primary about its log.</summary>
/// <param name="Now">The position up to which the primary has its log on disk. It is compared with what was seen before.</param>
/// <param name="Confirmed">
/// The position that an ordinary failover keeps, and which is therefore remembered. With synchronous standbys it is what they have on
/// their disks, because no later commit was answered. Null: no synchronous standby is there, so nothing is answered now.
/// </param>
public sealed record ShardReading(ShardPosition Now, ShardPosition? Confirmed)
{
    /// <summary>
    /// SQL: an expression that gives the reading as text, and null on a standby. <c>pg_walfile_name</c> tells a new timeline at once;
    /// <c>pg_control_checkpoint</c> tells it only after a checkpoint. If our user may not see what standbys report, the primary's own
    /// position is taken.
    /// </summary>
    public const string Sql = """
        case when not pg_is_in_recovery() then concat_ws(' ',
            (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
            pg_current_wal_flush_lsn(),
            case when current_setting('synchronous_standby_names') = '' or current_setting('synchronous_commit') in ('off', 'local')
                      or not pg_has_role('pg_read_all_stats', 'usage')
                 then pg_current_wal_flush_lsn()
                 else (select case when bool_or(r.sync_state = 'sync') then min(r.flush_lsn) filter (where r.sync_state = 'sync')
                     else (array_agg(r.flush_lsn order by r.flush_lsn desc nulls last) filter (where r.sync_state = 'quorum'))
                         [coalesce(substring(current_setting('synchronous_standby_names') from '(?i)^\s*any\s+(\d+)')::integer, 1)] end
                     from pg_stat_replication r) end)
        end
        """;

    /// <returns>Null: the server is a standby.</returns>
    public static async Task<ShardReading?> ReadAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using var connection = await shard.OpenAsync(cancellation);
        await using var command = new NpgsqlCommand("select " + Sql, connection);
        return TryParse(await command.ReadValueAsync<string>(cancellation));
    }

    /// <param name="text">The result of <see cref="Sql"/>.</param>
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
