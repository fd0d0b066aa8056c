using Dapper;
using Npgsql;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardAdmin.Shards;

/// <summary>A standby that streams from a shard's primary, as the primary reports it.</summary>
/// <param name="Name">Its application_name, or its address.</param>
/// <param name="State">streaming · catchup · …; null: this user may not see it (pg_monitor).</param>
/// <param name="IsSynchronous">True: commits wait for it, or for a quorum to which it belongs.</param>
/// <param name="BehindBytes">How many bytes of WAL it does not have on its disk yet; null: unknown.</param>
internal sealed record StandbyLine(string Name, string? State, bool IsSynchronous, long? BehindBytes);

/// <summary>A host that the ring names, as the host itself reports.</summary>
/// <param name="Role">primary · standby · silent</param>
internal sealed record HostLine(string Host, string Role, uint? Timeline, string? Problem);

/// <summary>The standbys of a shard, and the acknowledged writes that a takeover would lose now.</summary>
/// <param name="Hosts">The hosts that the ring names; empty: it names only one host, and this host is not asked for its role.</param>
/// <param name="IsWanted">True: synchronous_standby_names is set, and without a synchronous standby no write is acknowledged.</param>
internal sealed record ShardStandbys(IReadOnlyList<HostLine> Hosts, IReadOnlyList<StandbyLine> Streaming, bool IsWanted)
{
    /// <summary>More than one WAL segment: the standby does not keep up.</summary>
    public const long FarBehind = 16 * 1024 * 1024;

    private const string Sql = """
        select coalesce(nullif(r.application_name, ''), host(r.client_addr), 'unnamed') as Name, r.state as State,
               coalesce(r.sync_state in ('sync', 'quorum'), false) as IsSynchronous,
               greatest(pg_wal_lsn_diff(pg_current_wal_flush_lsn(), r.flush_lsn), 0)::bigint as BehindBytes
        from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
        where s.slot_type is distinct from 'logical' and r.application_name not in ('pg_receivewal', 'pg_basebackup')
        order by 1
        """;

    /// <summary>For a shard that does not answer.</summary>
    public static ShardStandbys OfHosts(AdminSession session, Shard shard) => new(HostsOf(session, shard), [], false);

    /// <param name="connection">A connection to the primary.</param>
    public static async Task<ShardStandbys> ReadAsync(
        AdminSession session, Shard shard, NpgsqlConnection connection, CancellationToken cancellation)
    {
        var streaming = await connection.QueryAsync<StandbyLine>(new CommandDefinition(Sql, cancellationToken: cancellation));
        var isWanted = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select current_setting('synchronous_standby_names') <> ''", cancellationToken: cancellation));
        return new ShardStandbys(HostsOf(session, shard), [.. streaming], isWanted);
    }

    /// <summary>A part of a sentence: the acknowledged writes that would be lost if the primary were gone now.</summary>
    public string TakeoverLoses => this switch
    {
        { IsWanted: true } when Streaming.Any(standby => standby.IsSynchronous) => "nothing",
        { IsWanted: true } => "nothing, as nothing is acknowledged while no synchronous standby streams",
        { Streaming: [] } => "what no backup has",
        _ when Nearest is { } behind => $"the last {Tables.Bytes(behind)} of its WAL, and all that is written until then",
        _ => "the writes that its standby lacks; this user may not see how many (grant pg_monitor)",
    };

    /// <summary>The shard has no standby, and none is wanted.</summary>
    public bool IsAlone => !IsWanted && Streaming.Count == 0;

    /// <summary>A short text for a table.</summary>
    public string Summary => Streaming.Count == 0
        ? IsWanted ? "none, and one is wanted" : "none"
        : string.Join(", ", Streaming.Select(standby =>
            $"{standby.Name} {(standby.IsSynchronous ? "sync" : "async")}"
            + $"{(standby.BehindBytes is > 0 and var behind ? $" −{Tables.Bytes(behind)}" : "")}"));

    /// <summary>Sentences about problems, for doctor.</summary>
    public IEnumerable<string> Problems()
    {
        if (IsWanted && !Streaming.Any(standby => standby.IsSynchronous))
            yield return "no synchronous standby streams, and synchronous_standby_names wants one: writes are not acknowledged.";
        foreach (var standby in Streaming.Where(standby => standby.BehindBytes > FarBehind))
            yield return $"standby {standby.Name} is {Tables.Bytes(standby.BehindBytes)} behind.";
        foreach (var host in Hosts.Where(host => host.Role == "silent"))
            yield return $"host {host.Host} {host.Problem}.";
        if (Hosts.Where(host => host.Role == "primary").ToList() is { Count: > 1 } primaries)
            yield return $"{string.Join(" and ", primaries.Select(host => $"{host.Host} (timeline {host.Timeline})"))} both say that they "
                + "are the primary; the one with the highest timeline is used.";
        if (Hosts.Count(host => host.Role == "standby") > Streaming.Count)
            yield return $"the ring names {Tables.Counted(Hosts.Count(host => host.Role == "standby"), "standby")}, and from the primary "
                + $"stream {Streaming.Count}.";
    }

    private long? Nearest => Streaming.Where(standby => standby.BehindBytes is not null).Select(standby => standby.BehindBytes).Min();

    private static IReadOnlyList<HostLine> HostsOf(AdminSession session, Shard shard) => session.Access.PrimaryOf(shard.At) is { } primary
        ? [.. primary.Views.Select(view => new HostLine(
            view.Host.ToString(),
            view.Role switch { HostRole.Primary => "primary", HostRole.Standby => "standby", _ => "silent" },
            view.Timeline == 0 ? null : view.Timeline, view.Problem))]
        : [];
}
