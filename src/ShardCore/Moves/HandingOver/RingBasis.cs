using ShardCore.Ring;

namespace ShardCore.Moves.HandingOver;

/// <summary>What the next ring is made from.</summary>
/// <param name="Next">Its epoch: above every one that anybody knows.</param>
/// <param name="Owners">Of every slot, as far as is known; a move puts its own slots on top.</param>
public sealed record RingBasis(Epoch Next, IReadOnlyList<ShardId> Owners)
{
    /// <summary>The ring in Redis, and nothing else: right while Redis was never set back.</summary>
    public static Task<RingBasis> OfRing(ShardRing ring, CancellationToken cancellation) => Task.FromResult(new RingBasis(ring.Epoch.Next(), ring.Owners));
}
