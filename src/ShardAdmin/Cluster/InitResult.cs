using ShardCore.Ring;

namespace ShardAdmin.Cluster;

internal enum InitOutcome
{
    Initialised,

    /// <summary>Some databases were shards of this cluster already, but no ring was published.</summary>
    Completed,
    AlreadyInitialised,
    WouldInitialise,
}

/// <param name="Schemas">The schema version of each shard that answered.</param>
/// <param name="Silent">The problems of shards that were not examined, because they did not answer.</param>
internal sealed record InitResult(
    InitOutcome Outcome, ShardRing Ring, IReadOnlyDictionary<ShardId, int> Schemas, IReadOnlyList<string> Silent);
