using System.CommandLine;

namespace ShardAdmin.CommandLine;

/// <summary>The options of every command that changes something.</summary>
internal sealed class ChangeOptions
{
    private readonly Option<bool> _dryRun = new("--dry-run", "-n") { Description = "Only tell what would be done" };
    private readonly Option<bool> _yes = new("--yes", "-y") { Description = "Do not ask" };

    public ChangeOptions(Command command)
    {
        command.Options.Add(_dryRun);
        command.Options.Add(_yes);
    }

    public bool IsDryRun(ParseResult parse) => parse.GetValue(_dryRun);

    public bool IsYes(ParseResult parse) => parse.GetValue(_yes);
}
