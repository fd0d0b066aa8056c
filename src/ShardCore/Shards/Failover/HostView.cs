using System.Globalization;
using NpgsqlTypes;
using ShardCore.Ring;

namespace ShardCore.Shards.Failover;

/// <summary>The role of a host of a shard.</summary>
public enum HostRole
{
    /// <summary>The host did not answer.</summary>
    Silent,

    /// <summary>The host takes no writes and follows a primary.</summary>
    Standby,

    /// <summary>The host takes writes. A server that was replaced and does not know it says so too.</summary>
    Primary,
}

/// <summary>The last answer of a host of a shard.</summary>
/// <param name="System">The system identifier; "" if it is silent.</param>
/// <param name="Timeline">
/// 0 if it is silent. A standby tells a new timeline late if it does not stream, or if our user may not see that it does.
/// </param>
/// <param name="Lsn">The position that is durable at a primary, or applied at a standby. Null: unknown.</param>
/// <param name="Problem">Why the host is silent, as half a sentence.</param>
public sealed record HostView(ShardHost Host, HostRole Role, string System, uint Timeline, NpgsqlLogSequenceNumber? Lsn, string? Problem)
{
    /// <summary>
    /// SQL that gives one array of text, for <see cref="Parse"/>. A standby's own timeline is that of its last checkpoint, or of what it
    /// receives if that is higher.
    /// </summary>
    public const string Sql = """
        select array[
            case when pg_is_in_recovery() then 'standby' else 'primary' end,
            (select system_identifier::text from pg_control_system()),
            case when pg_is_in_recovery()
                then (select lpad(to_hex(greatest(timeline_id, (select received_tli from pg_stat_get_wal_receiver()))), 8, '0')
                      from pg_control_checkpoint())
                else left(pg_walfile_name(pg_current_wal_lsn()), 8) end,
            case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text else pg_current_wal_flush_lsn()::text end]
        """;

    public static HostView Silent(ShardHost host, string problem) => new(host, HostRole.Silent, "", 0, null, problem);

    public static HostView Parse(ShardHost host, string?[]? answer) =>
        answer is [var role, { } system, { } timeline, var lsn]
        && uint.TryParse(timeline, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            ? new HostView(
                host, role == "primary" ? HostRole.Primary : HostRole.Standby, system, number,
                NpgsqlLogSequenceNumber.TryParse(lsn ?? "", out var at) ? at : null, null)
            : Silent(host, "its answer is not understood");

    /// <returns>Half a sentence, for a message.</returns>
    public string Describe() => Role switch
    {
        HostRole.Primary => $"{Host} is a primary of timeline {Timeline}",
        HostRole.Standby => $"{Host} is a standby",
        _ => $"{Host} {Problem}",
    };
}
