using System.CommandLine;
using System.CommandLine.Parsing;
using ShardAdmin.Output;

namespace ShardAdmin.CommandLine;

/// <summary>Commands as text that can be typed again, without secrets: journals, histories and messages have it.</summary>
internal static class CommandText
{
    public static string Of(IEnumerable<string> arguments) =>
        string.Join(' ', arguments.Select(HiddenSecrets.In).Select(Quoted).Prepend("shardadmin"));

    public static string HelpFor(ParseResult parse)
    {
        var words = new Stack<string>(["--help"]);
        for (SymbolResult? result = parse.CommandResult; result is CommandResult command; result = result.Parent)
            if (command.Command is not RootCommand)
                words.Push(command.Command.Name);
        return "shardadmin " + string.Join(' ', words);
    }

    private static string Quoted(string argument) =>
        argument.Length > 0 && argument.All(c => char.IsAsciiLetterOrDigit(c) || "-_=./:,[]@%+".Contains(c, StringComparison.Ordinal))
            ? argument
            : "'" + argument.Replace("'", @"'\''", StringComparison.Ordinal) + "'";
}
