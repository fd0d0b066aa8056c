using System.Reflection;
using System.Text;

namespace ShardCore.Migrations;

/// <summary>Reads the files of <c>migrations/shard/</c>, which are embedded in this program.</summary>
internal static class EmbeddedMigrations
{
    private const string Folder = "migrations/shard/";

    /// <summary>Reads all files in the order of their versions, which are 1, 2, 3 … without a gap.</summary>
    public static IReadOnlyList<Migration> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var migrations = assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => Migration.FromFile(name[Folder.Length..], ReadText(assembly, name)))
            .ToArray();
        return InOrder(migrations);
    }

    public static IReadOnlyList<Migration> InOrder(IEnumerable<Migration> migrations)
    {
        Migration[] sorted = [.. migrations.OrderBy(migration => migration.Version)];
        for (var i = 0; i < sorted.Length; i++)
            if (sorted[i].Version != i + 1)
                throw new InvalidOperationException(
                    $"{sorted[i].FileName} stands where version {i + 1} is expected: numbers are 1, 2, 3 … without a gap.");
        return sorted;
    }

    private static string ReadText(Assembly assembly, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
