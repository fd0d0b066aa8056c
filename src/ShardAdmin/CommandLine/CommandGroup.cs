using System.CommandLine;

namespace ShardAdmin.CommandLine;

/// <summary>A word that only leads to others: <c>ring</c>, <c>collections</c>.</summary>
internal sealed class CommandGroup : Command
{
    public CommandGroup(string name, string description, params AdminCommand[] commands)
        : base(name, description)
    {
        foreach (var command in commands)
            Subcommands.Add(command);
    }
}
