using ShardCore.Ring;

namespace ShardAdmin.Output;

/// <summary>Slots as people write them: <c>5</c>, <c>5-9</c>, <c>5,7,9-12</c>.</summary>
internal static class SlotText
{
    public static string Of(int first, int last) => first == last ? $"{first}" : $"{first}-{last}";

    public static string Of(SlotRun run) => Of(run.First.Value, run.Last.Value);

    /// <param name="slots">In ascending order.</param>
    /// <param name="most">The largest number of runs that is written out. Further runs are only counted.</param>
    public static string Of(IEnumerable<Slot> slots, int most = 20) => OfNumbers(slots.Select(slot => (int)slot.Value), most);

    /// <summary>Like <see cref="Of(IEnumerable{Slot}, int)"/>, for numbers that need not be slots.</summary>
    public static string OfNumbers(IEnumerable<int> numbers, int most)
    {
        var runs = SlotRuns.Of(numbers).ToArray();
        var text = string.Join(',', runs.Take(most).Select(run => Of(run.First, run.Last)));
        return runs.Length > most ? $"{text},… ({runs.Length - most} more runs)" : text;
    }

    /// <returns>Null when the text names no slots, or slots that do not exist.</returns>
    public static IReadOnlyList<Slot>? Parse(string text)
    {
        var found = new SortedSet<int>();
        foreach (var part in text.Split(','))
        {
            var ends = part.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out var first) || !TryNumber(ends[^1], out var last) || last < first)
                return null;
            found.UnionWith(Enumerable.Range(first, last - first + 1));
        }
        return [.. found.Select(slot => new Slot(slot))];
    }

    private static bool TryNumber(string text, out int slot) =>
        int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out slot)
        && slot < Slot.Count;
}
