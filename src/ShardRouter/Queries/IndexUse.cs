using ShardRouter.Indexes;

namespace ShardRouter.Queries;

/// <summary>How an index serves a query.</summary>
/// <param name="Index">The index.</param>
/// <param name="Bounds">What the filter says of the index's first fields. It narrows; the filter itself still decides.</param>
/// <param name="IsExact">The bounds say as much as the filter, so hardly an item is looked at in vain.</param>
internal sealed record IndexUse(IndexDefinition Index, IReadOnlyList<FieldBound> Bounds, bool IsExact);

/// <summary>The values that a filter lets a field of an index have. All are of one type.</summary>
/// <param name="Path">The field.</param>
/// <param name="Kind">How the values bound it.</param>
/// <param name="Rank">The type (<see cref="SortValue"/>).</param>
/// <param name="Values">Numbers as their digits, texts, <c>0</c> or <c>1</c>; empty for null.</param>
internal sealed record FieldBound(string[] Path, BoundKind Kind, short Rank, IReadOnlyList<string> Values);

internal enum BoundKind
{
    Equal,
    AnyOf,
    AtLeast,
    AtMost,

    /// <summary>A text that begins with the value.</summary>
    Prefix,
}
