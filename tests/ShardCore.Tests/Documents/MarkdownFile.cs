using System.Globalization;
using System.Text.RegularExpressions;
using TestCluster;

namespace ShardCore.Tests.Documents;

/// <summary>A document of this checkout: where its links lead, and which headings others may link to.</summary>
internal sealed partial record MarkdownFile(string Path, string Text)
{
    private static readonly string[] NotOurs = ["bin", "obj", "node_modules", "TestResults"];

    /// <summary>All files below the checkout that are written by hand, with their path from it.</summary>
    public static IReadOnlyList<string> AllFiles { get; } = [.. Below(Checkout.Root).Select(file => System.IO.Path.GetRelativePath(Checkout.Root, file))];

    public static IEnumerable<MarkdownFile> All => AllFiles.Where(file => file.EndsWith(".md", StringComparison.Ordinal)).Select(Read);

    /// <param name="path">From the checkout.</param>
    public static MarkdownFile Read(string path) => new(path, File.ReadAllText(System.IO.Path.Combine(Checkout.Root, path)));

    /// <summary>Addresses of links and images that lead to files, as they are written.</summary>
    public IEnumerable<string> RelativeLinks => Links().Matches(Prose).Select(match => match.Groups["to"].Value)
        .Where(to => !to.Contains("://", StringComparison.Ordinal) && !to.StartsWith("mailto:", StringComparison.Ordinal));

    /// <summary>Source files that the text names in backticks, such as <c>Moves/BatchMover.cs</c>.</summary>
    public IEnumerable<string> NamedFiles => Names().Matches(Prose).Select(match => match.Groups["file"].Value);

    /// <summary>As a forge makes them of headings: small letters, blanks to hyphens, no punctuation; the second of a name gets -1.</summary>
    public IReadOnlySet<string> Anchors
    {
        get
        {
            var anchors = new HashSet<string>(StringComparer.Ordinal);
            foreach (var heading in Headings().Matches(Prose).Select(match => match.Groups["text"].Value.Trim()))
            {
                var anchor = NotInAnchors().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');
                for (var n = 0; !anchors.Add(n == 0 ? anchor : string.Create(CultureInfo.InvariantCulture, $"{anchor}-{n}")); n++)
                {
                }
            }
            return anchors;
        }
    }

    /// <summary>Without what is shown as code: a link there is none.</summary>
    private string Prose => Blocks().Replace(Text, "");

    private static IEnumerable<string> Below(string folder) =>
        Directory.GetFiles(folder).Concat(Directory.GetDirectories(folder).Where(IsOurs).SelectMany(Below));

    private static bool IsOurs(string folder) =>
        System.IO.Path.GetFileName(folder) is var name && !NotOurs.Contains(name) && (name[0] != '.' || name is ".github" or ".ci" or ".devcontainer");

    [GeneratedRegex(@"\]\((?<to>[^)\s]+)\)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Links();

    [GeneratedRegex(@"`(?<file>[A-Za-z0-9_./-]+\.(cs|sql|sh|cfg|yml|yaml|props|csproj))`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Names();

    [GeneratedRegex("^#{1,6} (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Headings();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]", RegexOptions.None, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex NotInAnchors();

    [GeneratedRegex("^```.*?^```$", RegexOptions.Singleline | RegexOptions.Multiline, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Blocks();
}
