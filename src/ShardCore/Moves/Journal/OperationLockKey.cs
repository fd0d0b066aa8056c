namespace ShardCore.Moves.Journal;

/// <summary>The session advisory lock by which each source shard knows the process that works on an operation.</summary>
public static class OperationLockKey
{
    /// <summary>"SHOP" as a number; slots, migrations and admin locks have other classes.</summary>
    public const int Class = 1_397_247_824;

    /// <summary>SQL: the backends that hold the lock of the operation whose id (uuid) is <paramref name="operation"/>.</summary>
    public static string HoldersSql(string operation) => FormattableString.Invariant($"""
        select l.pid from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.classid = {Class} and l.objsubid = 2
              and l.objid::bigint = hashtext({operation}::text)::bigint & 4294967295
              and l.database = (select oid from pg_database where datname = current_database())
        """);
}
