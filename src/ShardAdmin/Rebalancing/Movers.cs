using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Rings;
using ShardCore.Moves;
using ShardCore.Moves.Batches;
using ShardCore.Moves.Failures;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Settling;
using ShardCore.Ring;

namespace ShardAdmin.Rebalancing;

/// <summary>What moves, cancels or settles a batch, with the connections of this command and the ring that it publishes.</summary>
internal static class Movers
{
    public static BatchMover MoverOf(AdminSession session, Shard source, Shard target, MoveOptions options) =>
        new(source, target, session.Access, PublicationOf(session), options);

    public static BatchSettlement SettlementOf(AdminSession session, MoveOptions options, Shard source, Shard target) =>
        new(source, target, session.Access, PublicationOf(session), options);

    public static RingPublication PublicationOf(AdminSession session) =>
        new(session.Rings, AdminSession.Who, (ring, cancellation) => BasisAsync(session, ring, cancellation));

    /// <summary>The shards decide, whatever Redis says, as far as they can be believed.</summary>
    private static async Task<RingBasis> BasisAsync(AdminSession session, ShardRing ring, CancellationToken cancellation)
    {
        var known = await RingKnowledge.ReadReachableAsync(session, ring, cancellation);
        try
        {
            known.RequireNotSetBack([]);
        }
        catch (CommandFailedException e)
        {
            throw new MoveFailedException($"{e.Message} First: {e.Failure.Next}.");
        }
        return new RingBasis(known.Next, [.. Slot.All.Select(slot => known.Ownership.BelievedOwner(slot, ring))]);
    }
}
