using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Cluster;

/// <summary>Every row of a shard in the slot of its partition key, and only in slots that are the shard's. Pure.</summary>
internal static class PlacementVerifier
{
    /// <param name="ranges">Of one shard.</param>
    public static (IReadOnlyList<VerifyDifference> Differences, IReadOnlyList<VerifyResidue> Residue) Judge(ShardId shard, IEnumerable<ScannedRange> ranges)
    {
        ScannedSlot[] slots = [.. ranges.SelectMany(range => range.Slots).OrderBy(slot => slot.Slot)];
        ScannedSlot[] foreign = [.. slots.Where(slot => slot.State is null)];
        ScannedSlot[] residue = [.. slots.Where(slot => slot.State is "released" or "importing")];
        var differences = slots.Where(slot => slot.Misplaced > 0).Select(slot => new VerifyDifference(
            "row-misplaced", $"{slot.Slot}", shard.Value,
            $"{slot.Misplaced} rows belong to another slot, for instance those with pk '{slot.Example}', which belong to slot {SlotHash.Of(slot.Example!)}.")).ToList();
        if (foreign.Length > 0)
            differences.Add(new VerifyDifference(
                "row-in-foreign-slot", NumbersOf(foreign), shard.Value, $"{foreign.Sum(slot => slot.Rows)} rows in {foreign.Length} slots that were never this shard's."));
        return (differences, residue.Length == 0 ? [] : [new VerifyResidue(shard.Value, NumbersOf(residue), residue.Sum(slot => slot.Rows))]);
    }

    private static string NumbersOf(IEnumerable<ScannedSlot> slots) => SlotText.OfNumbers(slots.Select(slot => slot.Slot), int.MaxValue);
}
