using ShardCore.Ring;

namespace ShardAdmin.Cluster;

internal enum InitOutcome
{
    Initialised,

    /// <summary>Some databases were shards of this cluster before, and no ring was published.</summary>
    Completed,
    AlreadyInitialised,
    WouldInitialise,
}

/// <param name="Schemas">By shard: the version of its schema; without those that did not answer.</param>
/// <param name="Silent">What was not examined, because it does not answer.</param>
internal sealed record InitResult(InitOutcome Outcome, ShardRing Ring, IReadOnlyDictionary<ShardId, int> Schemas, IReadOnlyList<string> Silent);
