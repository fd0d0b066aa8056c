using System.CommandLine;
using ShardAdmin.Failures;

namespace ShardAdmin.CommandLine;

/// <summary>One command: it parses its arguments, calls the logic and renders the result. Its help ends with examples to type.</summary>
internal abstract class AdminCommand : Command
{
    /// <param name="examples">Lines such as <c>shardadmin status --watch   # every second</c>.</param>
    protected AdminCommand(string name, string description, params string[] examples)
        : base(name, description) => Examples = examples;

    public IReadOnlyList<string> Examples { get; }

    /// <summary>Whether the command writes one result after the other. Then it can write ndjson, but no single json document.</summary>
    public virtual bool Streams(ParseResult parse) => false;

    /// <summary>Whether it changes something. Then its begin and its end are in the audit log.</summary>
    public virtual bool Changes(ParseResult parse) =>
        Options.OfType<Option<bool>>().FirstOrDefault(option => option.Name == "--dry-run") is { } dryRun && !parse.GetValue(dryRun);

    public abstract Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation);
}

/// <summary>A word that only groups commands: <c>ring</c>, <c>collections</c>.</summary>
internal sealed class CommandGroup : Command
{
    public CommandGroup(string name, string description, params AdminCommand[] commands)
        : base(name, description)
    {
        foreach (var command in commands)
            Subcommands.Add(command);
    }
}
