using Dapper;
using Npgsql;
using ShardCore.Shards;

namespace ShardAdmin.Shards;

/// <summary>A setting that somebody has made at a shard.</summary>
/// <param name="Source">Where it is set: for the server, the database or a role.</param>
internal sealed record ForeignSetting(string Name, string Value, string Source)
{
    public override string ToString() => $"{Name} = {Value} ({Source})";
}

/// <summary>
/// Reads settings of a shard that concern this product. It reads them in a session that sets nothing itself, and so sees the values that
/// the operator has set.
/// </summary>
internal static class ForeignSettings
{
    // First the values for the present user, then those for other roles in this database: routers may connect as another role.
    private const string Sql = """
        select name as Name, setting || coalesce(unit, '') as Value,
               case source when 'database' then 'of the database' when 'user' then 'of the role ' || current_user
                           when 'database user' then 'of the role ' || current_user || ' in this database'
                           else 'of the server' end as Source
        from pg_catalog.pg_settings
        where name = any (@names)
              and (source not in ('default', 'client', 'override') or name in ('fsync', 'full_page_writes', 'synchronous_commit'))
        union all
        select pg_catalog.split_part(each.set, '=', 1), pg_catalog.substr(each.set, pg_catalog.strpos(each.set, '=') + 1),
               'of the role ' || r.rolname
        from pg_catalog.pg_db_role_setting s
        join pg_catalog.pg_roles r on r.oid = s.setrole
        cross join lateral pg_catalog.unnest(s.setconfig) as each (set)
        where r.rolname <> current_user and pg_catalog.split_part(each.set, '=', 1) = any (@names)
              and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()))
        """;

    private static readonly string[] Names =
    [
        ReadOnly, "fsync", "full_page_writes", "synchronous_commit", "default_transaction_isolation", "idle_in_transaction_session_timeout",
        "idle_session_timeout", "lock_timeout", "row_security", "search_path", "session_replication_role", "statement_timeout",
        "transaction_timeout",
    ];

    private const string ReadOnly = "default_transaction_read_only";

    public static async Task<IReadOnlyList<ForeignSetting>> ReadAsync(ShardDatabase shard, CancellationToken cancellation)
    {
        await using ShardDatabase plain = ShardDataSources.BuildPlain(await shard.PresentAsync(cancellation));
        await using var connection = await plain.OpenAsync(cancellation);
        return [.. await connection.QueryAsync<ForeignSetting>(
            new CommandDefinition(Sql, new { names = Names }, cancellationToken: cancellation))];
    }

    /// <summary>A setting because of which the shard refuses routers' writes.</summary>
    public static string? ReadOnlyProblem(IEnumerable<ForeignSetting> settings) =>
        Told(settings.Where(setting => setting is { Name: ReadOnly, Value: "on" })) is { } told
            ? $"it is set to read-only, so writes get 503: {told}."
            : null;

    /// <summary>Settings because of which acknowledged writes are less safe than they seem.</summary>
    public static string? DurabilityProblem(IEnumerable<ForeignSetting> settings) =>
        Told(settings.Where(setting =>
            setting is { Name: "fsync" or "full_page_writes" or "synchronous_commit", Value: "off" })) is { } told
            ? $"acknowledged writes can be lost in a crash: {told}."
            : null;

    /// <summary>
    /// Limits and defaults for other clients. The sessions of this product override them, but people's psql sessions have them.
    /// </summary>
    public static string? OverriddenProblem(IEnumerable<ForeignSetting> settings) =>
        Told(settings.Where(setting =>
            setting is not { Name: ReadOnly or "fsync" or "full_page_writes" or "synchronous_commit" } && !IsHarmless(setting))) is { } told
            ? $"set for other clients: {told}."
            : null;

    private static bool IsHarmless(ForeignSetting setting) => setting switch
    {
        { Name: "default_transaction_isolation" } => setting.Value == "read committed",
        { Name: "row_security" } => setting.Value == "on",
        { Name: "session_replication_role" } => setting.Value == "origin",
        { Name: "search_path" } => false,
        _ => setting.Value is "0" or "0ms",
    };

    private static string? Told(IEnumerable<ForeignSetting> settings) =>
        string.Join(", ", settings) is { Length: > 0 } told ? told : null;
}
