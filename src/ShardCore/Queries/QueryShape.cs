namespace ShardCore.Queries;

/// <summary>A query without its values: queries that differ in values only have one shape. It has names of fields, and no key.</summary>
/// <param name="Operation"><c>query</c>, <c>count</c> or <c>aggregate</c>.</param>
/// <param name="Kind">How the items are found: one of <see cref="QueryKind"/>.</param>
/// <param name="Filter">Paths and operators, such as <c>status eq and total gte</c>; null: no condition.</param>
/// <param name="OrderBy">Paths, such as <c>total desc, name</c>; null: no order.</param>
/// <param name="GroupBy">Paths; null: no groups.</param>
/// <param name="Index">The name of the index that serves it; null: none.</param>
public sealed record QueryShape(
    string Collection, string Operation, string Kind, string? Filter, string? OrderBy, string? GroupBy, string? Index);

/// <summary>How a query finds its items.</summary>
public static class QueryKind
{
    /// <summary>One partition is named, so one shard reads that partition.</summary>
    public const string Partition = "partition";

    /// <summary>An index of the collection serves it.</summary>
    public const string Indexed = "indexed";

    /// <summary>Pages without any condition, in the order in which shards keep items. They read no more than they show.</summary>
    public const string Listing = "listing";

    /// <summary>Every shard reads all its items of the collection, or as many as its time allows.</summary>
    public const string Scan = "scan";
}
