namespace ShardAdmin.Failures;

/// <summary>Why a command failed: the problem, the things it left untouched, and the next command to type.</summary>
/// <param name="Untouched">Null: the text that the session noted last is used (<see cref="AdminSession.LeftOff"/>).</param>
/// <param name="Next">The next command to type.</param>
internal sealed record Failure(ExitCode Code, string Problem, string? Untouched, string Next);

/// <summary>The command ends here with a <see cref="Failures.Failure"/>. The reaction: print it, exit with its code.</summary>
internal sealed class CommandFailedException(Failure failure) : Exception(failure.Problem)
{
    public CommandFailedException(ExitCode code, string problem, string next)
        : this(new Failure(code, problem, null, next))
    {
    }

    public Failure Failure { get; } = failure;
}

/// <summary>A shard does not answer. The reaction: exit 7 with its name and address.</summary>
internal sealed class ShardUnreachableException(string message, string next, Exception inner) : Exception(message, inner)
{
    public string Next { get; } = next;
}

/// <summary>
/// An exception ended a batch. This one adds the batch's source and target, because the inner exception seldom names them. The reaction:
/// the reaction to the inner exception.
/// </summary>
internal sealed class BatchBrokenException(string where, Exception inner) : Exception($"{where}: {inner.Message}", inner)
{
    public string Where { get; } = where;
}
