using System.Globalization;

namespace LoadTests.Benches;

internal static class SlotList
{
    /// <summary>Writes slots in the form of the command line: "0-99,120,130-140".</summary>
    public static string Of(IEnumerable<int> slots)
    {
        var runs = new List<(int First, int Last)>();
        foreach (var slot in slots.Order())
            if (runs.Count > 0 && runs[^1].Last == slot - 1)
                runs[^1] = (runs[^1].First, slot);
            else
                runs.Add((slot, slot));
        return string.Join(',', runs.Select(run => run.First == run.Last
            ? run.First.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{run.First}-{run.Last}")));
    }
}
