using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.RingDocuments;
using ShardCore.RingStorage;
using ShardCore.Shards;

namespace ShardAdmin.Failures;

/// <summary>The exit code of the process. Scripts rely on the meanings: they never change.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,

    /// <summary>A precondition fails: something is unhealthy, occupied, or has the wrong schema, and must be repaired first.</summary>
    Precondition = 4,

    /// <summary>Somebody else changed the same thing, or it exists already with other properties.</summary>
    Conflict = 5,
    NotAllowed = 6,
    CannotReach = 7,

    /// <summary>
    /// Time ran out: the time given by --timeout is over, a standby did not confirm a step of a move in time, or the backup point was not
    /// made within the time given by --hold.
    /// </summary>
    TimedOut = 8,

    /// <summary>
    /// Copies differ: verify found differences, a restored shard does not match its backup point, or source and target of a move
    /// contradict each other and a person has to decide which copy is right.
    /// </summary>
    Differences = 9,
    Interrupted = 130,
}

/// <summary>The one place where an exception becomes an exit code and a message for people.</summary>
internal static class ExitCodes
{
    /// <param name="leftOff">Tells what was left untouched, or half done, when the exception came.</param>
    /// <param name="retry">The command that continues the work that was begun; if nothing was begun, the command that was typed.</param>
    /// <param name="timedOut">True: the cancellation came from --timeout, not from a person.</param>
    public static Failure FailureOf(Exception exception, string leftOff, string retry, bool timedOut) => exception switch
    {
        CommandFailedException e => e.Failure with { Untouched = e.Failure.Untouched ?? leftOff },
        ShardUnreachableException e => new Failure(ExitCode.CannotReach, e.Message, leftOff, e.Next),
        RedisUnavailableException e => new Failure(
            ExitCode.CannotReach, e.Message.Split(": ")[0] + ".", leftOff,
            "start Redis, or name it with --redis host:port (SHARDING_REDIS); then: " + retry),
        OperationCanceledException when timedOut => new Failure(
            ExitCode.TimedOut, "The time given by --timeout is over.", leftOff, $"{retry}   (with a longer --timeout)"),
        OperationCanceledException => new Failure(ExitCode.Interrupted, "Interrupted.", leftOff, retry),
        BatchDisputedException e => new Failure(ExitCode.Differences, e.Message, leftOff, "shardadmin doctor"),
        StandbysBehindException e => new Failure(
            ExitCode.TimedOut, e.Message, leftOff, $"{retry}; without waiting for standbys: {retry} --ignore-standbys"),
        MoveFailedException e => new Failure(ExitCode.Failed, e.Message, leftOff, retry),
        BatchBrokenException { InnerException: { } inner } e => InBatch(e.Where, FailureOf(inner, leftOff, retry, timedOut), retry),
        StreamBrokenException
        {
            InnerException: PostgresException { SqlState: PostgresErrorCodes.DiskFull or PostgresErrorCodes.TooManyConnections } inner
        } => FailureOf(inner, leftOff, retry, timedOut),
        StreamBrokenException { InnerException: PostgresException inner } e when !Reach.IsUnreachable(inner) => new Failure(
            ExitCode.Failed, e.Message, leftOff, $"shardadmin doctor; then: {retry}"),
        StreamBrokenException or SessionLostException => new Failure(
            ExitCode.CannotReach, $"A shard went away: {exception.Message}", leftOff, retry),
        AttemptOverException e => new Failure(ExitCode.Failed, e.Message, leftOff, retry),
        ChangesDoNotFitException e => new Failure(ExitCode.Failed, e.Message, leftOff, retry),
        BadRingException e => new Failure(ExitCode.Precondition, e.Message, leftOff, "shardadmin doctor"),
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } e => new Failure(
            ExitCode.Failed, $"The disk of a shard is full: {e.MessageText}", leftOff,
            $"make room there (docs/operations/runbook.md, \"A shard's disk is full\"); then: {retry}"),
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } e => new Failure(
            ExitCode.CannotReach, $"A shard has no connection left: {e.MessageText}", leftOff, $"{Reach.FreeConnections}; then: {retry}"),
        PostgresException e when Reach.IsUnreachable(e) => new Failure(
            ExitCode.CannotReach, $"A shard cannot be reached: {e.MessageText}", leftOff, retry),
        PostgresException e => new Failure(
            ExitCode.Failed, $"A shard refused: {e.MessageText} (SQLSTATE {e.SqlState})", leftOff, $"shardadmin doctor; then: {retry}"),
        CommitNotConfirmedException { IsTakenOver: true } e => new Failure(ExitCode.CannotReach, e.Message, leftOff, retry),
        CommitNotConfirmedException e => new Failure(ExitCode.CannotReach, e.Message, leftOff, $"{Reach.AwaitStandby}; then: {retry}"),
        NpgsqlException or TimeoutException => new Failure(
            ExitCode.CannotReach, $"The connection to a shard broke: {exception.Message}", leftOff, retry),
        _ => new Failure(ExitCode.Failed, $"Unexpected: {exception.Message}", leftOff, $"{retry} -v   (shows where)"),
    };

    /// <summary>
    /// Replaces "the same command again" by <paramref name="retry"/>: the same command would make a new plan, and the batches that stand
    /// in the journals are continued by another command.
    /// </summary>
    private static Failure InBatch(string where, Failure failure, string retry) =>
        failure with
        {
            Problem = $"{where}: {failure.Problem}",
            Next = failure.Next.Replace("the same command again", retry, StringComparison.Ordinal),
        };
}
