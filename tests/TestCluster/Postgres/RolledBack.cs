using Npgsql;

namespace TestCluster;

/// <summary>Errors after which a write is repeated by routers, so by writers of tests too: Postgres rolled it back for the sake of others.</summary>
public static class RolledBack
{
    /// <summary>A deadlock with somebody's DDL, or the internal error of a write while a move drops its publication (ShardErrors of the router).</summary>
    public static bool Is(PostgresException error) => error.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.InternalError;
}
