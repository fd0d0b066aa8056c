using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>The part of a history around a violation, for people.</summary>
internal static class HistoryExcerpt
{
    /// <summary>How many operations are shown before the first and after the last of the contradicting operations.</summary>
    private const int Neighbours = 12;

    /// <summary>
    /// The largest number of operations that is shown. The contradicting operations may be far apart, and those between them say less than
    /// those beside them.
    /// </summary>
    private const int Most = 60;

    public static IEnumerable<string> Around(Violation violation, IReadOnlyList<HistoryOperation> history)
    {
        var culprits = violation.Operations.Select(operation => operation.Id).ToHashSet();
        int[] places = [.. Enumerable.Range(0, history.Count).Where(place => culprits.Contains(history[place].Id))];
        return Enumerable.Range(0, history.Count)
            .Where(place => places.Any(culprit => Math.Abs(culprit - place) <= Neighbours))
            .Take(Most)
            .Select(place => (culprits.Contains(history[place].Id) ? "→ " : "  ") + history[place]);
    }
}
