namespace ShardAdmin.CommandLine;

/// <summary>The command ends here with a <see cref="CommandLine.Failure"/>. The reaction: print it, exit with its code.</summary>
internal sealed class CommandFailedException(Failure failure) : Exception(failure.Problem)
{
    public CommandFailedException(ExitCode code, string problem, string next)
        : this(new Failure(code, problem, null, next))
    {
    }

    public Failure Failure { get; } = failure;
}
