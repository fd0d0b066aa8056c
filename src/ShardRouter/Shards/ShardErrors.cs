using System.Net.Sockets;
using Npgsql;

namespace ShardRouter.Shards;

/// <summary>Reads what an error of Postgres or of the connection to it means for the request. Pure.</summary>
internal static class ShardErrors
{
    private const string IdleSessionTimeout = "57P05";
    private const string IdleInTransactionSessionTimeout = "25P03";

    /// <summary>
    /// An ERROR aborts its transaction, so nothing of it was applied; a FATAL or a lost connection may come between
    /// a commit and its answer.
    /// </summary>
    /// <param name="mayHaveLanded">A write had been sent when it happened. Whatever else went wrong then, its outcome is not known.</param>
    /// <returns>The failure, or null when the error is a defect of ours, and nothing was applied: 500.</returns>
    public static ShardFailure? Classify(Exception error, bool mayHaveLanded) => error switch
    {
        OperationCanceledException { InnerException: PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } } => ShardFailure.DeadlineExceeded,
        OperationCanceledException => mayHaveLanded ? ShardFailure.OutcomeUnknown : ShardFailure.DeadlineExceeded,
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => ShardFailure.DeadlineExceeded,
        _ when IsEndedIdle(error) => ShardFailure.Unavailable,
        PostgresException postgres when IsFatal(postgres) => mayHaveLanded ? ShardFailure.OutcomeUnknown : ShardFailure.Unavailable,
        PostgresException postgres => IsShardTrouble(postgres.SqlState) || IsRolledBackAndRepeatable(postgres) ? ShardFailure.Unavailable : null,
        NpgsqlException or SocketException or IOException or TimeoutException => mayHaveLanded ? ShardFailure.OutcomeUnknown : ShardFailure.Unavailable,
        _ => mayHaveLanded ? ShardFailure.OutcomeUnknown : null,
    };

    /// <summary>
    /// Rolled back by Postgres for the sake of others: nothing was applied, so trying again is safe, and another try may well
    /// succeed. An internal error is among them: a write that runs while a move drops its publication fails with "cache lookup
    /// failed for publication" (Postgres looks the table's publications up twice, and DROP PUBLICATION does not wait for writers).
    /// </summary>
    public static bool IsRolledBackAndRepeatable(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.InternalError } postgres && !IsFatal(postgres);

    /// <summary>The connection is gone: worth one try on a fresh one when nothing can have been applied.</summary>
    public static bool IsConnectionLost(Exception error) =>
        error is PostgresException postgres ? IsFatal(postgres) : error is NpgsqlException or SocketException or IOException;

    /// <summary>
    /// The session was over before the statement came, because it had been idle for too long: the one FATAL that says that nothing of
    /// the statement ran. That a transaction
    /// took too long (25P04) says less: Postgres 17 and 18 look for it once more behind the commit.
    /// </summary>
    public static bool IsEndedIdle(Exception error) =>
        error is PostgresException { SqlState: IdleSessionTimeout or IdleInTransactionSessionTimeout } postgres && IsFatal(postgres);

    /// <summary>
    /// Something did not come in time. That may be the shard, or a router that has very much to do; <see cref="ShardMonitor"/> finds out.
    /// </summary>
    public static bool IsLate(Exception error) =>
        error is TimeoutException or OperationCanceledException or NpgsqlException { InnerException: OperationCanceledException or TimeoutException };

    /// <summary>The session, or the whole server, takes no writes; nothing was applied.</summary>
    public static bool IsReadOnly(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction };

    private static bool IsFatal(PostgresException error) => error.InvariantSeverity is "FATAL" or "PANIC";

    private static bool IsShardTrouble(string sqlState) =>
        sqlState is PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction
            or PostgresErrorCodes.InvalidSchemaName or PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.LockNotAvailable
        || sqlState.StartsWith("53", StringComparison.Ordinal)   // insufficient resources: disk full, out of memory, too many connections
        || sqlState.StartsWith("57P", StringComparison.Ordinal)  // operator intervention
        || sqlState.StartsWith("58", StringComparison.Ordinal)   // I/O errors of the server
        || sqlState.StartsWith("08", StringComparison.Ordinal)   // connection
        || sqlState.StartsWith("28", StringComparison.Ordinal);  // authorization
}
