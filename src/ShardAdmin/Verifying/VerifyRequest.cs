using ShardCore.Ring;

namespace ShardAdmin.Verifying;

/// <summary>The options of a verification.</summary>
/// <param name="Slots">The slots to verify; null: all.</param>
/// <param name="Connections">The number of connections to each shard at the same time.</param>
/// <param name="SaveTo">The file for the checksums; null: they are not saved.</param>
/// <param name="Resume">True: continues the run that wrote this file.</param>
/// <param name="EarlierRuns">Files of earlier runs to compare with.</param>
/// <param name="Copies">Other databases that should have the same rows as a shard, such as a restored backup.</param>
internal sealed record VerifyRequest(
    IReadOnlyList<Slot>? Slots, int Connections, string? SaveTo, bool Resume, IReadOnlyList<string> EarlierRuns,
    IReadOnlyList<ShardCopy> Copies);

/// <param name="Address">host:port/database</param>
internal sealed record ShardCopy(ShardId Shard, ShardAddress Address);
