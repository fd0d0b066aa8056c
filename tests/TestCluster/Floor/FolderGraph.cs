using System.Reflection;

namespace TestCluster;

/// <summary>Which folder of a project uses which, by what was compiled. A folder is a namespace: the folder of its project is the first one.</summary>
/// <remarks>The compiler copies constants and leaves no trace of where they are from, so the use of a constant does not count.</remarks>
public sealed class FolderGraph
{
    private readonly SortedDictionary<string, SortedDictionary<string, string>> _uses = new(StringComparer.Ordinal);

    /// <param name="types">Of one project.</param>
    /// <param name="root">The namespace of the project.</param>
    public FolderGraph(IEnumerable<Type> types, string root)
    {
        foreach (var type in types)
            foreach (var used in TypeUses.Of(type))
                if (FolderOf(type, root) is { } from && FolderOf(used, root) is { } to && from != to)
                    Add(from, to, $"{Outermost(type).Name} uses {Outermost(used).Name}");
    }

    /// <returns>Of each set of folders that use each other in a circle the shortest circle, with a type that makes each step.</returns>
    public IReadOnlyList<string> Circles()
    {
        var told = new HashSet<string>(StringComparer.Ordinal);
        var circles = new List<string>();
        foreach (var folder in _uses.Keys.Where(folder => !told.Contains(folder)))
            if (Back(folder) is { } circle)
            {
                told.UnionWith(circle);
                circles.Add(string.Join(", ", circle.Zip(circle.Skip(1).Append(folder), (from, to) => $"{from} → {to} ({_uses[from][to]})")));
            }
        return circles;
    }

    /// <returns>The shortest way from the folder back to itself, which it begins with; null: there is none.</returns>
    private List<string>? Back(string folder)
    {
        var ways = new Queue<List<string>>([[folder]]);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (ways.TryDequeue(out var way))
            foreach (var next in _uses.TryGetValue(way[^1], out var uses) ? uses.Keys.AsEnumerable() : [])
                if (next == folder)
                    return way;
                else if (seen.Add(next))
                    ways.Enqueue([.. way, next]);
        return null;
    }

    private void Add(string from, string to, string why)
    {
        if (!_uses.TryGetValue(from, out var uses))
            _uses[from] = uses = new SortedDictionary<string, string>(StringComparer.Ordinal);
        uses.TryAdd(to, why);
    }

    /// <returns>Null: it is of no folder, as the compiler made it, or of another project.</returns>
    private static string? FolderOf(Type type, string root) =>
        type.Namespace is { } name && (name == root || name.StartsWith(root + '.', StringComparison.Ordinal)) ? name : null;

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
