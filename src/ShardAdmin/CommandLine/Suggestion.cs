using System.CommandLine;
using System.CommandLine.Parsing;

namespace ShardAdmin.CommandLine;

/// <summary>What was probably meant by a word that is no command and no option.</summary>
internal static class Suggestion
{
    /// <returns>Such as " Did you mean 'status'?", or "".</returns>
    public static string For(ParseResult parse)
    {
        var meant = parse.UnmatchedTokens.Select(word => For(parse, word)).FirstOrDefault(found => found is not null);
        return meant is null ? "" : $" Did you mean '{meant}'?";
    }

    private static string? For(ParseResult parse, string word)
    {
        var typed = word.Split('=')[0];
        var known = typed.StartsWith('-') ? OptionsOf(parse) : parse.CommandResult.Command.Subcommands.Select(command => command.Name);
        return known.Select(name => (Name: name, Distance: Distance(typed.ToLowerInvariant(), name)))
            .Where(each => each.Distance <= MostDistance(each.Name) || each.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .OrderBy(each => each.Distance).ThenBy(each => each.Name, StringComparer.Ordinal).Select(each => each.Name).FirstOrDefault();
    }

    private static int MostDistance(string name) => Math.Max(1, name.Length / 3);

    /// <summary>Of the command and of all above it, whose options it has too.</summary>
    private static IEnumerable<string> OptionsOf(ParseResult parse)
    {
        for (SymbolResult? result = parse.CommandResult; result is CommandResult command; result = result.Parent)
            foreach (var option in command.Command.Options)
                if (command == parse.CommandResult || option.Recursive)
                    foreach (var name in option.Aliases.Append(option.Name).Where(name => name.StartsWith("--", StringComparison.Ordinal)))
                        yield return name;
    }

    /// <summary>Letters to change, insert, leave out, or swap with their neighbour.</summary>
    private static int Distance(string left, string right)
    {
        var rows = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= right.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= left.Length; i++)
            for (var j = 1; j <= right.Length; j++)
            {
                var changed = rows[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(changed, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        return rows[left.Length, right.Length];
    }
}
