using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace ShardAdmin.CommandLine;

/// <summary>Prints the help of System.CommandLine, then examples to type.</summary>
internal sealed class TeachingHelpAction(HelpAction inner) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var exit = inner.Invoke(parseResult);
        var examples = parseResult.CommandResult.Command switch
        {
            AdminCommand command => command.Examples,
            CommandGroup group => [.. group.Subcommands.OfType<AdminCommand>().Select(command => command.Examples[0])],
            _ =>
            [
                "shardadmin init --shard s1=127.0.0.1:5441/app --shard s2=127.0.0.1:5442/app   # makes a cluster of two shards",
                "shardadmin status                 # is all well?",
                "shardadmin doctor                 # what is wrong, and the command that repairs it",
                "shardadmin add-shard --help       # every command has examples in its help",
            ],
        };
        var output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (var example in examples)
            output.WriteLine("  " + example);
        output.WriteLine();
        return exit;
    }
}
