using System.CommandLine;

namespace ShardAdmin.CommandLine;

/// <summary>The options of every command that changes something.</summary>
internal sealed class ChangeOptions
{
    private readonly Option<bool> _dryRun = new("--dry-run", "-n") { Description = "Only show what would be done; change nothing" };
    private readonly Option<bool> _yes = new("--yes", "-y") { Description = "Do not ask for confirmation" };

    public ChangeOptions(Command command)
    {
        command.Options.Add(_dryRun);
        command.Options.Add(_yes);
    }

    public bool IsDryRun(ParseResult parse) => parse.GetValue(_dryRun);

    public bool IsYes(ParseResult parse) => parse.GetValue(_yes);
}
