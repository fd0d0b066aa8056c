using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Verifying;

/// <summary>Checks that every slot has exactly one owner, and that the ring names this owner.</summary>
/// <remarks>
/// Ring and shards cannot be read at the same instant, so a slot that is just handed over may look like a difference. Therefore the check
/// looks again after a pause, and reports only differences that it has seen both times.
/// </remarks>
internal sealed class OwnershipVerifier(AdminSession session)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(700);

    public async Task<IReadOnlyList<VerifyDifference>> RunAsync(IReadOnlySet<Slot> slots, CancellationToken cancellation)
    {
        var first = await LookAsync(slots, cancellation);
        if (first.Count == 0)
            return [];
        await Task.Delay(Pause, cancellation);
        first.IntersectWith(await LookAsync(slots, cancellation));
        return [.. first
            .GroupBy(found => (found.Kind, found.Detail))
            .OrderBy(same => same.Min(found => found.Slot))
            .Select(same => new VerifyDifference(
                same.Key.Kind, SlotText.Of(same.Select(found => found.Slot).Order(), int.MaxValue), null, same.Key.Detail))];
    }

    private async Task<HashSet<(string Kind, Slot Slot, string Detail)>> LookAsync(
        IReadOnlySet<Slot> slots, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var map = await ClusterOwnership.ReadAsync(session, ring.Shards, cancellation);
        return [.. slots.Select(slot => Compare(slot, ring, map)).OfType<(string, Slot, string)>()];
    }

    private static (string Kind, Slot Slot, string Detail)? Compare(Slot slot, ShardRing ring, OwnershipMap map)
    {
        var owners = map.OwnersOf(slot);
        var inRing = ring.OwnerOf(slot).Id;
        return owners.Count switch
        {
            0 => ("slot-unowned", slot, $"No shard owns it; the ring says {inRing}."),
            > 1 => ("slot-owned-twice", slot, $"Owned by {string.Join(" and ", owners)}; the ring says {inRing}."),
            _ => owners[0] == inRing ? null : ("ring-disagrees", slot, $"Owned by {owners[0]}; the ring says {inRing}."),
        };
    }
}
