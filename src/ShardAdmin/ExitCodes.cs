using Npgsql;
using ShardAdmin.CommandLine;
using ShardCore.Moves;
using ShardCore.RingStorage;

namespace ShardAdmin;

/// <summary>What the process answers to its caller; the meanings are promised to scripts and never change.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,

    /// <summary>Unhealthy, occupied, or of a wrong schema: something else has to be mended first.</summary>
    Precondition = 4,

    /// <summary>Somebody else changed it, or it exists with other properties.</summary>
    Conflict = 5,
    NotAllowed = 6,
    CannotReach = 7,

    /// <summary>The time given by --timeout is over.</summary>
    TimedOut = 8,

    /// <summary>verify found differences.</summary>
    Differences = 9,
    Interrupted = 130,
}

/// <summary>The one place where an exception becomes an exit code and a message for people.</summary>
internal static class ExitCodes
{
    /// <param name="leftOff">What was left untouched, or half done, when the exception came.</param>
    /// <param name="retry">The command that was typed.</param>
    /// <param name="timedOut">The cancellation came from --timeout, not from a person.</param>
    public static Failure FailureOf(Exception exception, string leftOff, string retry, bool timedOut) => exception switch
    {
        CommandFailedException e => e.Failure with { Untouched = e.Failure.Untouched ?? leftOff },
        ShardUnreachableException e => new Failure(ExitCode.CannotReach, e.Message, leftOff, e.Next),
        RedisUnavailableException e => new Failure(ExitCode.CannotReach, e.Message.Split(": ")[0] + ".", leftOff, "start Redis, or name it with --redis host:port (SHARDING_REDIS); then: " + retry),
        OperationCanceledException when timedOut => new Failure(ExitCode.TimedOut, "The time given by --timeout is over.", leftOff, $"{retry}   (with a longer --timeout)"),
        OperationCanceledException => new Failure(ExitCode.Interrupted, "Interrupted.", leftOff, retry),
        MoveFailedException e => new Failure(ExitCode.Failed, e.Message, leftOff, retry),
        BadRingException e => new Failure(ExitCode.Precondition, e.Message, leftOff, "shardadmin doctor"),
        PostgresException e => new Failure(ExitCode.Failed, $"A shard refused: {e.MessageText} (SQLSTATE {e.SqlState})", leftOff, "shardadmin doctor"),
        NpgsqlException e => new Failure(ExitCode.CannotReach, $"The connection to a shard broke: {e.Message}", leftOff, retry),
        _ => new Failure(ExitCode.Failed, $"Unexpected: {exception.Message}", leftOff, $"{retry} -v   (shows where)"),
    };
}
