using ShardRouter.Documents;

namespace ShardRouter.Items;

/// <summary>One page of one partition, in bytewise id order.</summary>
/// <param name="Bounds">Conditions on the id: operator (&gt;, &gt;=, &lt;, &lt;=) and value. All must hold.</param>
/// <param name="After">The last id of the previous page.</param>
/// <param name="ScanLimit">With filters: how long the shard searches before it answers with the items that it has found.</param>
internal sealed record PartitionQuery(
    string Collection,
    string PartitionKey,
    IReadOnlyList<(string Operator, string Id)> Bounds,
    IReadOnlyList<FieldFilter> Filters,
    bool Descending,
    int Limit,
    string? After,
    FieldSelection? Select,
    TimeSpan ScanLimit)
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;
}
