using System.Text;

namespace TestCluster;

/// <summary>
/// A command that a document shows in a <c>console</c> block, and the output that it shows below. A block <c>sh</c> is one command that
/// prints nothing. Blocks of other languages are no examples.
/// </summary>
/// <param name="Line">Where it begins in the document, from 1.</param>
public sealed record ConsoleExample(int Line, string Command, string Shown)
{
    private const string Fence = "```";
    private const string Prompt = "$ ";

    public static IReadOnlyList<ConsoleExample> In(string markdown)
    {
        var examples = new List<ConsoleExample>();
        string? language = null;
        var block = new List<(int Number, string Text)>();
        foreach (var (index, line) in markdown.Split('\n').Index())
        {
            if (!line.StartsWith(Fence, StringComparison.Ordinal))
                block.Add((index + 1, line));
            else if (language is null)
                (language, block) = (line[Fence.Length..].Trim(), []);
            else
            {
                examples.AddRange(language switch
                {
                    "console" => Console(block),
                    "sh" => [new ConsoleExample(block[0].Number, string.Join('\n', block.Select(each => each.Text)), "")],
                    _ => [],
                });
                language = null;
            }
        }
        return language is null ? examples : throw new FormatException($"A block of '{language}' has no end.");
    }

    private static IEnumerable<ConsoleExample> Console(List<(int Number, string Text)> block)
    {
        for (var i = 0; i < block.Count;)
        {
            var (number, first) = block[i++];
            if (!first.StartsWith(Prompt, StringComparison.Ordinal))
                throw new FormatException($"Line {number}: a block of the console begins with '{Prompt}'.");
            var command = new StringBuilder(first[Prompt.Length..]);
            while (GoesOn(command.ToString()) && i < block.Count)
                command.Append('\n').Append(block[i++].Text);
            var shown = block.Skip(i).TakeWhile(line => !line.Text.StartsWith(Prompt, StringComparison.Ordinal)).Select(line => line.Text).ToList();
            i += shown.Count;
            yield return new ConsoleExample(number, command.ToString(), string.Join('\n', shown));
        }
    }

    /// <summary>The next line belongs to the command: this one ends with a backslash, or within single quotes.</summary>
    private static bool GoesOn(string command) => command.EndsWith('\\') || command.Count(c => c == '\'') % 2 == 1;
}
