using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>A history that the service must not produce.</summary>
/// <param name="Rule">Which promise was broken.</param>
/// <param name="Operations">Those that contradict each other.</param>
internal sealed record Violation(string Rule, params IReadOnlyList<HistoryOperation> Operations)
{
    public override string ToString() => string.Join("\n    ", [Rule, .. Operations]);
}
