using System.Collections.Immutable;

namespace ShardCore.Ring;

/// <summary>What <see cref="RingPlanner"/> answers: the fewest moves that reach balance, and the owners after them.</summary>
/// <param name="Moves">In slot order.</param>
/// <param name="Owners">The owner of each slot after all moves; empty when there is no shard.</param>
public sealed record RingPlan(ImmutableArray<SlotMove> Moves, ImmutableArray<ShardId> Owners);
