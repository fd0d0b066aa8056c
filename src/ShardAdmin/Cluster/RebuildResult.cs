using ShardCore.Ring;

namespace ShardAdmin.Cluster;

internal enum RebuildOutcome
{
    Rebuilt,
    WouldRebuild,

    /// <summary>Redis holds what the shards say.</summary>
    Agrees,
}

/// <param name="Problem">What was wrong with the document in Redis, if one stood there that could not be read.</param>
internal sealed record RebuildResult(RebuildOutcome Outcome, ShardRing Ring, string? Problem);
