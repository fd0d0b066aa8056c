using System.Text.RegularExpressions;
using TestCluster;

namespace ShardCore.Tests;

/// <summary>docs/internals/map.md names files that are there.</summary>
public sealed partial class MapTests
{
    [Fact]
    public void Each_name_on_the_map_is_a_file()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(Path.GetFileNameWithoutExtension).Append("FolderTests").ToHashSet(StringComparer.Ordinal);
        var named = Names().Matches(File.ReadAllText(Path.Combine(Checkout.Root, "docs", "internals", "map.md")))
            .Select(match => match.Value).Where(name => name is not ("ShardCore" or "ShardAdmin" or "ShardRouter")).ToHashSet(StringComparer.Ordinal);

        Assert.True(named.Count > 40, $"{named.Count} names");
        Assert.Empty(named.Except(files));
    }

    /// <summary>Two words or more in one, as the names of types have them; not the names of folders.</summary>
    [GeneratedRegex(@"\b(?:[A-Z][a-z]+){2,}\b(?!/)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Names();
}
