namespace ShardCore.Tests.Fence;

/// <summary>One row of <c>sharding.write_items</c>' answer.</summary>
internal sealed record ShardAnswer(
    int Ord, string Outcome, long? Version, DateTime? UpdatedAt, DateTime? ExpiresAt, string? Doc, string? Detail);

/// <summary>One row of <c>sharding.read_items</c>' answer.</summary>
internal sealed record ShardReadAnswer(
    int Ord, string? State, string? Peer, long? Epoch, long? Version, DateTime? UpdatedAt, DateTime? ExpiresAt, string? Doc);
