using Npgsql;
using ShardAdmin.Failures;
using ShardCore.Ring;

namespace ShardAdmin.Indexes;

/// <summary>What an error of Postgres means for the build of an index.</summary>
/// <remarks>
/// The texts come from the code of the error alone. Postgres' own text, and still more its detail, can hold a value of a document or a key,
/// and these texts are shown to whoever may look at indexes.
/// </remarks>
internal static class IndexProblems
{
    /// <summary>Whether the build can be tried again as it is: a line was cut, a server ended, or somebody ended the statement.</summary>
    public static bool IsPassing(Exception e) => e switch
    {
        PostgresException postgres => Reach.IsUnreachable(postgres) || postgres.SqlState is PostgresErrorCodes.QueryCanceled
            or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.AdminShutdown
            or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.UndefinedTable,
        _ => e is NpgsqlException or IOException or TimeoutException or System.Net.Sockets.SocketException or InvalidOperationException
            or ShardUnreachableException or ShardCore.Shards.CommitNotConfirmedException,
    };

    public static bool IsNotAllowed(PostgresException e) => e.SqlState == PostgresErrorCodes.InsufficientPrivilege;

    /// <returns>A sentence or two for people, without any value.</returns>
    public static string Of(PostgresException e, ShardId shard, int fields) => e.SqlState switch
    {
        PostgresErrorCodes.UniqueViolation =>
            $"Two items of one partition have the same {(fields == 1 ? "value" : "values")} in shard {shard}.",
        PostgresErrorCodes.ProgramLimitExceeded =>
            $"An item's keys and indexed values are too large for an index, in shard {shard}: together at most about 2,600 bytes.",
        PostgresErrorCodes.DiskFull => $"The disk of shard {shard} is full.",
        PostgresErrorCodes.OutOfMemory => $"The server of shard {shard} has no memory left.",
        _ => $"Postgres of shard {shard} refused with SQLSTATE {e.SqlState}; its log has the reason.",
    };
}
