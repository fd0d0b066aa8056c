using System.Globalization;
using System.Text.RegularExpressions;
using TestCluster;

namespace ShardCore.Tests.Documents;

/// <summary>Documents refer to what is there.</summary>
public sealed partial class DocumentTests
{
    private const string Decisions = "docs/adr";

    [Fact]
    public void Every_link_to_a_file_or_a_heading_leads_there()
    {
        var documents = MarkdownFile.All.ToList();

        Assert.True(documents.Count > 20, $"Only {documents.Count} documents were found.");
        Assert.Empty(documents.SelectMany(document => document.RelativeLinks.Where(link => !Leads(document, link)).Select(link => $"{document.Path}: {link}")));
    }

    [Fact]
    public void Every_source_file_that_a_document_names_exists()
    {
        var named = MarkdownFile.All.SelectMany(document => document.NamedFiles.Select(file => (document.Path, File: file))).ToList();

        Assert.True(named.Count > 40, $"Only {named.Count} names were found.");
        Assert.Empty(named
            .Where(each => !MarkdownFile.AllFiles.Any(
                file => file == each.File || file.EndsWith("/" + each.File, StringComparison.Ordinal)))
            .Select(each => $"{each.Path}: {each.File}"));
    }

    [Fact]
    public void Every_document_and_entry_that_a_program_names_exists()
    {
        var named = MarkdownFile.AllFiles.Where(IsProgram).SelectMany(file => References().Matches(File.ReadAllText(Path.Combine(Checkout.Root, file))).Select(match => (file, match))).ToList();

        Assert.True(named.Count > 20, $"Only {named.Count} references were found.");
        Assert.Empty(named.Where(each => !Exists(each.match.Groups["document"].Value, each.match.Groups["entry"].Value)).Select(each => $"{each.file}: {each.match.Value}"));
    }

    [Fact]
    public void No_number_of_a_decision_is_missing_and_the_index_lists_all()
    {
        var files = Directory.GetFiles(Path.Combine(Checkout.Root, Decisions), "0*.md").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();

        Assert.Equal(Enumerable.Range(1, files.Count).Select(number => number.ToString("D4", CultureInfo.InvariantCulture)), files.Select(file => file[..4]));
        Assert.Equal(files, MarkdownFile.Read($"{Decisions}/README.md").RelativeLinks.Where(link => link[0] == '0'));
    }

    private static bool IsProgram(string file) =>
        Path.GetExtension(file) is ".cs" or ".sh" or ".sql" or ".json" or ".csproj" or ".props" or ".yml" or ".yaml" or ".cfg" && !file.StartsWith("tests", StringComparison.Ordinal);

    /// <param name="entry">A heading of it, or nothing.</param>
    private static bool Exists(string document, string entry) =>
        File.Exists(Path.Combine(Checkout.Root, document))
        && (entry.Length == 0 || MarkdownFile.Read(document).Text.Split('\n').Contains("## " + entry));

    /// <summary>A path, and in a message of a program the entry in quotes behind it.</summary>
    [GeneratedRegex("""(?<document>docs/[A-Za-z0-9/-]+\.md)(, \\"(?<entry>[^"\\]+)\\")?""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 10_000)]
    private static partial Regex References();

    private static bool Leads(MarkdownFile document, string link)
    {
        var (to, heading) = link.Split('#') is [var file, var anchor] ? (file, anchor) : (link, null);
        var target = to.Length == 0 ? document.Path : Path.GetRelativePath(Checkout.Root, Path.GetFullPath(Path.Combine(Checkout.Root, Path.GetDirectoryName(document.Path)!, to)));
        return Path.Exists(Path.Combine(Checkout.Root, target)) && (heading is null || MarkdownFile.Read(target).Anchors.Contains(heading));
    }
}
