using ShardAdmin.Output;
using ShardCore.Ring;

namespace ShardAdmin.Verifying;

/// <summary>Checks that every row of a shard is in the slot of its partition key, and in a slot of this shard. Pure.</summary>
internal static class PlacementVerifier
{
    /// <param name="ranges">The scanned ranges of this shard.</param>
    public static (IReadOnlyList<VerifyDifference> Differences, IReadOnlyList<VerifyResidue> Residue) Judge(
        ShardId shard, IEnumerable<ScannedRange> ranges)
    {
        ScannedSlot[] slots = [.. ranges.SelectMany(range => range.Slots).OrderBy(slot => slot.Slot)];
        ScannedSlot[] foreign = [.. slots.Where(slot => slot.State is null)];
        ScannedSlot[] residue = [.. slots.Where(slot => slot.State is "released" or "importing")];
        var differences = slots.Where(slot => slot.Misplaced > 0).Select(slot => new VerifyDifference(
            "row-misplaced", $"{slot.Slot}", shard.Value,
            $"{Tables.Counted(slot.Misplaced, "row")} of another slot, for instance with pk '{slot.Example}', which belongs to slot "
            + $"{SlotHash.Of(slot.Example!)}.")).ToList();
        if (foreign.Length > 0)
            differences.Add(new VerifyDifference(
                "row-in-foreign-slot", NumbersOf(foreign), shard.Value,

                $"{Tables.Counted(foreign.Sum(slot => slot.Rows), "row")} in {Tables.Counted(foreign.Length, "slot")} never of this shard."));
        return (
            differences,
            residue.Length == 0 ? [] : [new VerifyResidue(shard.Value, NumbersOf(residue), residue.Sum(slot => slot.Rows))]);
    }

    private static string NumbersOf(IEnumerable<ScannedSlot> slots) => SlotText.OfNumbers(slots.Select(slot => slot.Slot), int.MaxValue);
}
