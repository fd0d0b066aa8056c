namespace ShardAdmin.Changes;

/// <summary>By what a shard's share is measured.</summary>
internal enum BalanceMeasure
{
    /// <summary>The number of slots.</summary>
    Count,

    /// <summary>The bytes in them.</summary>
    Size,
}
