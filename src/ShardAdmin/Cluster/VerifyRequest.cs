using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>What is to be verified, and with what it is compared.</summary>
/// <param name="Slots">Null: all.</param>
/// <param name="Connections">To each shard at the same time.</param>
/// <param name="SaveTo">Where the checksums are written; null: nowhere.</param>
/// <param name="Resume">Carries on what stands there.</param>
/// <param name="EarlierRuns">Files of earlier runs.</param>
/// <param name="Copies">Other databases that should hold the same as a shard, such as a restored backup.</param>
internal sealed record VerifyRequest(
    IReadOnlyList<Slot>? Slots, int Connections, string? SaveTo, bool Resume, IReadOnlyList<string> EarlierRuns, IReadOnlyList<ShardCopy> Copies);

/// <param name="Address">host:port/database</param>
internal sealed record ShardCopy(ShardId Shard, ShardAddress Address);
