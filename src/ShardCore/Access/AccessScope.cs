namespace ShardCore.Access;

/// <summary>What a caller may do. A key or a token has any number of them.</summary>
[Flags]
public enum AccessScope
{
    None = 0,

    /// <summary>items:read. Reads items and lists single partitions.</summary>
    ItemsRead = 1,

    /// <summary>items:write. Creates, changes and deletes items.</summary>
    ItemsWrite = 2,

    /// <summary>items:scan. Reads over many partitions: lists them, and queries their items.</summary>
    ItemsScan = 4,

    /// <summary>bulk. Imports and exports; no route needs it yet.</summary>
    Bulk = 8,

    /// <summary>changes. Follows changes; no route needs it yet.</summary>
    Changes = 16,

    /// <summary>collections:admin. Creates collections.</summary>
    CollectionsAdmin = 32,
}

/// <summary>The scopes' names, as they stand in a key's row, in a token's claim and in <c>--scopes</c>.</summary>
public static class AccessScopes
{
    private static readonly (string Name, AccessScope Scope)[] Names =
    [
        ("items:read", AccessScope.ItemsRead),
        ("items:write", AccessScope.ItemsWrite),
        ("items:scan", AccessScope.ItemsScan),
        ("bulk", AccessScope.Bulk),
        ("changes", AccessScope.Changes),
        ("collections:admin", AccessScope.CollectionsAdmin),
    ];

    public const AccessScope All =
        AccessScope.ItemsRead | AccessScope.ItemsWrite | AccessScope.ItemsScan | AccessScope.Bulk | AccessScope.Changes
        | AccessScope.CollectionsAdmin;

    public static IEnumerable<string> AllNames => Names.Select(each => each.Name);

    /// <returns>None: there is no such scope.</returns>
    public static AccessScope Parse(string name) => Array.Find(Names, each => each.Name == name).Scope;

    /// <summary>Names that this version does not know give no right.</summary>
    public static AccessScope Parse(IEnumerable<string> names) => names.Aggregate(AccessScope.None, (sum, name) => sum | Parse(name));

    public static IEnumerable<string> NamesOf(AccessScope scopes) =>
        Names.Where(each => (scopes & each.Scope) != AccessScope.None).Select(each => each.Name);
}
