using ShardRouter.Documents;

namespace ShardRouter.Items;

/// <summary>One page of one partition, in bytewise id order.</summary>
/// <param name="Bounds">On the id: operator (&gt;, &gt;=, &lt;, &lt;=) and value; all must hold.</param>
/// <param name="After">The id that the page before ended with.</param>
internal sealed record PartitionQuery(
    string Collection,
    string PartitionKey,
    IReadOnlyList<(string Operator, string Id)> Bounds,
    IReadOnlyList<FieldFilter> Filters,
    bool Descending,
    int Limit,
    string? After,
    FieldSelection? Select)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;
}
