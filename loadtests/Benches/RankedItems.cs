using System.Globalization;

namespace LoadTests.Benches;

/// <summary>
/// The data of queries: items as large as those of all benches, with two fields for indexes. Item n has n as partition key, as id and,
/// until somebody writes it, as rank. Its group is "g" and the last two digits of n. All n have 7 digits: all documents have the same
/// length.
/// </summary>
/// <param name="Collection">The name of the collection.</param>
/// <param name="Count">How many items there are: a multiple of <see cref="Groups"/>.</param>
internal sealed record RankedItems(string Collection, int Count)
{
    public const int Groups = 100;

    public const string Note =
        "About as much text as a small record has, so that an item comes to two hundred bytes in all of it, with its rank and its group.";

    public static RankedItems Default { get; } = new("ranked", 200_000);

    /// <summary>The order of pages.</summary>
    public static ItemIndex ByRank { get; } = new("by_rank", ("rank", "number"));

    /// <summary>The items of one group, in the order of pages.</summary>
    public static ItemIndex ByGroup { get; } = new("by_group", ("group", "text"), ("rank", "number"));

    public static int First => BenchItems.First;

    public int Last => First + Count - 1;

    public int CountOfGroup => Count / Groups;

    /// <param name="group">0…99; the first item has a number that ends with 00.</param>
    public static string GroupOf(int group) => string.Create(CultureInfo.InvariantCulture, $"g{group:00}");

    /// <summary>The sum of the ranks of a group, as long as nobody has written its items.</summary>
    public long SumOfGroup(int group) => ((long)CountOfGroup * (First + group)) + ((long)Groups * CountOfGroup * (CountOfGroup - 1) / 2);
}

/// <summary>An index as shardadmin knows it.</summary>
/// <param name="Fields">Each goes up.</param>
internal sealed record ItemIndex(string Name, params (string Path, string Type)[] Fields)
{
    /// <summary>The arguments that make it, while the shards serve, and wait until all have it.</summary>
    public string[] Arguments(string collection) =>
        ["indexes", "create", collection, Name, .. Fields.Select(field => $"{field.Path}:{field.Type}:asc"), "--yes", "--quiet"];
}
