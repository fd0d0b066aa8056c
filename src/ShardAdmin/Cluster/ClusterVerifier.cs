using ShardAdmin.CommandLine;
using ShardCore.Ring;
using ShardCore.RingStorage;

namespace ShardAdmin.Cluster;

/// <summary>Holds the ring to the shards, and every row to its slot. Only looks.</summary>
internal sealed class ClusterVerifier(AdminSession session)
{
    /// <param name="slots">Null: all.</param>
    public async Task<VerifyReport> RunAsync(IReadOnlyList<Slot>? slots, CancellationToken cancellation)
    {
        ShardRing? ring;
        try
        {
            ring = await session.Rings.ReadAsync(cancellation);
        }
        catch (BadRingException e)
        {
            return new VerifyReport(false, session.Settings.Cluster, null, 0, 0, [new VerifyDifference("ring-unreadable", null, null, e.Message)], []);
        }
        ring ??= await session.RequireRingAsync(cancellation); // tells that there is none
        if (ring.IsEmpty)
            return new VerifyReport(true, ring.Cluster.Name, ring.Epoch.Value, 0, 0, [], []);

        var ownership = await new OwnershipVerifier(session).RunAsync((slots ?? [.. Slot.All]).ToHashSet(), cancellation);
        var total = (double)ring.Shards.Length * (slots?.Count ?? Slot.Count);
        var placement = await session.Output.WithProgressAsync("Verifying rows", total, async advance => (await Reach.AllAsync(
            ring.Shards, shard => new PlacementVerifier(session.Source(shard), shard.Id).RunAsync(slots, advance, cancellation))).Values.ToArray());
        VerifyDifference[] differences = [.. ownership, .. placement.SelectMany(shard => shard.Differences)];
        return new VerifyReport(
            differences.Length == 0, ring.Cluster.Name, ring.Epoch.Value, slots?.Count ?? Slot.Count, placement.Sum(shard => shard.Rows),
            differences, [.. placement.SelectMany(shard => shard.Residue)]);
    }
}
