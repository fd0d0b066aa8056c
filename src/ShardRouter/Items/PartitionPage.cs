namespace ShardRouter.Items;

/// <summary>A page of a partition.</summary>
/// <param name="HasMore">There are items behind the last of these.</param>
internal sealed record PartitionPage(IReadOnlyList<PartitionRow> Rows, bool HasMore);

internal sealed record PartitionRow(string Id, long Version, DateTime UpdatedAt, byte[] Doc);
