using System.Collections.Concurrent;
using Workbench;

namespace LoadTests.Engine;

/// <summary>Counts failed operations by kind.</summary>
internal sealed class FailureCounts
{
    private readonly ConcurrentDictionary<string, FailureCount> _byKind = new(StringComparer.Ordinal);

    public void Add(WrongAnswerException failure) => _byKind.AddOrUpdate(
        failure.Kind, static (kind, failure) => new FailureCount(kind, 1, failure.Message), static (_, count, _) => count with { Count = count.Count + 1 }, failure);

    /// <summary>The most frequent first.</summary>
    public IReadOnlyList<FailureCount> ToList() => [.. _byKind.Values.OrderByDescending(count => count.Count).ThenBy(count => count.Kind, StringComparer.Ordinal)];
}
