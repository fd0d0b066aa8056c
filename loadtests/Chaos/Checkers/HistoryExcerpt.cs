using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>The part of a history in which a violation lies, for people.</summary>
internal static class HistoryExcerpt
{
    /// <summary>Operations shown before the first and after the last of those that contradict each other.</summary>
    private const int Neighbours = 12;

    /// <summary>At most so many in all: the two may lie far apart, and what is between them tells less than what is beside them.</summary>
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
