using System.Collections.Immutable;

namespace ShardCore.Ring;

/// <summary>The answer of <see cref="RingPlanner"/>: the moves, and the owners after them.</summary>
/// <param name="Moves">In slot order.</param>
/// <param name="Owners">The owner of each slot after all moves; empty when there is no shard.</param>
public sealed record RingPlan(ImmutableArray<SlotMove> Moves, ImmutableArray<ShardId> Owners);

/// <summary>One slot that is to go from one shard to another. <paramref name="From"/> null: it has no owner yet.</summary>
public readonly record struct SlotMove(Slot Slot, ShardId? From, ShardId To);
