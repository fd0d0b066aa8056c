using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>A history that the service must not produce.</summary>
/// <param name="Rule">The broken promise.</param>
/// <param name="Operations">The operations that contradict each other.</param>
internal sealed record Violation(string Rule, params IReadOnlyList<HistoryOperation> Operations)
{
    public override string ToString() => string.Join("\n    ", [Rule, .. Operations]);
}
