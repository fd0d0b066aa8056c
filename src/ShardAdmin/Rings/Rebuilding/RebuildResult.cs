using ShardCore.Ring;

namespace ShardAdmin.Rings.Rebuilding;

internal enum RebuildOutcome
{
    Rebuilt,
    WouldRebuild,

    /// <summary>The ring in Redis agrees with the shards.</summary>
    Agrees,
}

/// <param name="Problem">Why the document in Redis could not be read; null: it could, or there was none.</param>
internal sealed record RebuildResult(RebuildOutcome Outcome, ShardRing Ring, string? Problem);
