using Dapper;
using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Copying;

/// <summary>
/// Describes, for a message to people, the oldest transaction of those that have written at a server. If our role may not see the
/// transactions of others, it says where to look.
/// </summary>
internal static class OldestTransaction
{
    private const string Sql = """
        select format('pid %s, %s, %s, %s, since %s', pid, coalesce(nullif(application_name, ''), 'without a name'), usename, state,
                      to_char(xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
        from pg_stat_activity
        where backend_xid is not null
        order by xact_start
        limit 1
        """;

    public static async Task<string> DescribeAsync(ShardDatabase server, CancellationToken cancellation)
    {
        await using var connection = await server.OpenAsync(cancellation);
        return await connection.ExecuteScalarAsync<string>(new CommandDefinition(Sql, cancellationToken: cancellation))
            ?? "look for it in pg_stat_activity and pg_prepared_xacts there";
    }
}
