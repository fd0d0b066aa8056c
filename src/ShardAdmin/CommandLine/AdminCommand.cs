using System.CommandLine;

namespace ShardAdmin.CommandLine;

/// <summary>One command: it parses, calls the logic, renders. Its help ends with examples to type.</summary>
internal abstract class AdminCommand : Command
{
    /// <param name="examples">Lines such as <c>shardadmin status --watch   # every second</c>.</param>
    protected AdminCommand(string name, string description, params string[] examples)
        : base(name, description) => Examples = examples;

    public IReadOnlyList<string> Examples { get; }

    /// <summary>Whether it writes one result after the other: that is ndjson, and no json document.</summary>
    public virtual bool Streams(ParseResult parse) => false;

    public abstract Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation);
}
