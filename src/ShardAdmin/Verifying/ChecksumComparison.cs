using System.Globalization;
using ShardAdmin.Output;

namespace ShardAdmin.Verifying;

/// <summary>Compares the present checksums of slots with checksums from another time or place. Pure.</summary>
internal static class ChecksumComparison
{
    /// <summary>Compares by slot, not by owner: a move copies rows unchanged.</summary>
    /// <param name="with">The name of the file or database.</param>
    public static (VerifyComparison Comparison, IReadOnlyList<VerifyDifference> Differences) Of(
        string kind, string with, string? shard, IEnumerable<ScannedSlot> now, IEnumerable<ScannedSlot> other)
    {
        var (left, right) = (BySlot(now), BySlot(other));
        int[] differing = [.. left.Keys.Union(right.Keys).Where(slot => Of(left, slot) != Of(right, slot)).Order()];
        var comparison = new VerifyComparison(with, left.Keys.Union(right.Keys).Count(), differing.Length);
        return (comparison, [.. differing.Select(slot => new VerifyDifference(
            kind, SlotText.OfNumbers([slot], 1), shard,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Tables.Counted(Of(left, slot).Rows, "row")} here, {Of(right, slot).Rows} in {with}; their contents differ.")))]);
    }

    private static Dictionary<int, (long Rows, string Checksum)> BySlot(IEnumerable<ScannedSlot> slots) =>
        slots.GroupBy(slot => slot.Slot).ToDictionary(
            same => same.Key,
            same => (
                same.Sum(slot => slot.Rows), string.Join('+', same.Select(slot => slot.Checksum).Order(StringComparer.Ordinal))));

    private static (long Rows, string Checksum) Of(Dictionary<int, (long Rows, string Checksum)> slots, int slot) =>
        slots.GetValueOrDefault(slot, (0, ""));
}
