using System.Net.Sockets;
using Npgsql;
using ShardRouter.Outcomes;

namespace ShardRouter.Shards;

/// <summary>Says what an error of Postgres, or of the connection to it, means for the request. All functions are pure.</summary>
internal static class ShardErrors
{
    private const string IdleSessionTimeout = "57P05";
    private const string IdleInTransactionSessionTimeout = "25P03";

    /// <summary>
    /// An ERROR aborts its transaction, so nothing of it was applied. A FATAL or a lost connection may come between a commit and its
    /// answer.
    /// </summary>
    /// <param name="mayHaveLanded">
    /// A write had been sent when the error came. Then its outcome is known only after an ERROR, or if the session had ended because it
    /// was idle.
    /// </param>
    /// <returns>The failure; null: the error is a defect of ours, and nothing was applied (500).</returns>
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
    /// Postgres rolled the statement back for the sake of others. Nothing was applied, so trying again is safe, and another try may well
    /// succeed. An internal error is among them: a write that runs while a move drops its publication fails with "cache lookup failed for
    /// publication". (Postgres looks up the table's publications twice, and DROP PUBLICATION does not wait for writers.) So is a write into a
    /// collection that has just been made, when the session has not heard of its partition yet: "no partition of relation item found".
    /// </summary>
    public static bool IsRolledBackAndRepeatable(Exception error) => error is PostgresException postgres && !IsFatal(postgres)
        && postgres is { SqlState: PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.InternalError }
            or { SqlState: PostgresErrorCodes.CheckViolation, SchemaName: "sharding", TableName: "item" };

    /// <summary>The connection is gone. If nothing can have been applied, a fresh connection is worth a try.</summary>
    public static bool IsConnectionLost(Exception error) =>
        error is PostgresException postgres ? IsFatal(postgres) : error is NpgsqlException or SocketException or IOException;

    /// <summary>
    /// The session had ended before the statement came, because it had been idle for too long. This is the only FATAL that says that
    /// nothing of the statement ran. The FATAL of a transaction that took too long (25P04) says less: Postgres 17 and 18 check for it
    /// once more after the commit.
    /// </summary>
    public static bool IsEndedIdle(Exception error) =>
        error is PostgresException { SqlState: IdleSessionTimeout or IdleInTransactionSessionTimeout } postgres && IsFatal(postgres);

    /// <summary>
    /// Something did not come in time. The shard may be slow, or this router may have too much to do. <see cref="ShardMonitor"/> finds
    /// out.
    /// </summary>
    public static bool IsLate(Exception error) =>
        error is TimeoutException or OperationCanceledException or NpgsqlException { InnerException: OperationCanceledException or TimeoutException };

    /// <summary>The session or the whole server takes no writes. Nothing was applied.</summary>
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
