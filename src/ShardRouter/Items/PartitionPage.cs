namespace ShardRouter.Items;

/// <summary>A page of a partition.</summary>
/// <param name="ReadUpTo">
/// The next page begins behind this id; null when nothing is left. The filters may not keep the item that has it.
/// </param>
internal sealed record PartitionPage(IReadOnlyList<PartitionRow> Rows, string? ReadUpTo);

internal sealed record PartitionRow(string Id, long Version, DateTime UpdatedAt, byte[] Doc);
