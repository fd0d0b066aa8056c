using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Checks versions that only conditions name: a refusal reports such a version, or a condition on it held. No read showed their values.
/// Therefore each of them must belong to a different write of unknown outcome that can have this version.
/// </summary>
internal static class RegisterStrangers
{
    public static void Check(RegisterStates states, List<Violation> violations)
    {
        var known = states.Versions.Values.Select(write => write.Id).ToHashSet();
        HistoryOperation[] candidates = [.. states.Writes.Where(write => !write.IsOk && !known.Contains(write.Id))];
        var firstKnown = FirstKnown(states);
        var taken = new Dictionary<HistoryOperation, Stranger>();
        var strangers = states.Presences.Where(each => each.By.Kind != OperationKind.Read)
            .Where(each => each.Version is { } version && !states.Versions.ContainsKey(version))
            .GroupBy(each => each.Version!.Value, (version, by) => new Stranger(version, by.MinBy(each => each.By.CompletedAt).By))
            .OrderBy(each => each.Version);
        foreach (var stranger in strangers)
        {
            var explanations = candidates.Where(write => CanHave(write, stranger, states, firstKnown)).ToArray();
            if (!Assign(stranger with { Explanations = explanations }, taken, []))
                violations.Add(new Violation($"{(stranger.By.IsRefused ? "a refusal names" : "a condition held on")} a version that nobody wrote", stranger.By));
        }
    }

    private static bool CanHave(HistoryOperation write, Stranger stranger, RegisterStates states, SortedDictionary<long, long> firstKnown)
    {
        var (before, _) = states.NeighboursOf(stranger.Version);
        return write.InvokedAt <= stranger.By.CompletedAt
            && (write.Version is null || write.Version == stranger.Version)
            && (write.Expected is not { } expected || (expected < stranger.Version && (before is null || before <= expected)))
            && (write.Kind != OperationKind.Create || before is null || RegisterDeletions.MayLieBetween(before.Value, write, states))
            // The write can have this version if every version that was known before the write began is lower.
            && firstKnown.All(known => known.Value >= write.InvokedAt || known.Key < stranger.Version);
    }

    /// <returns>For each version the time when an operation first showed it.</returns>
    private static SortedDictionary<long, long> FirstKnown(RegisterStates states)
    {
        var first = new SortedDictionary<long, long>();
        var shown = states.Presences.Where(each => each.Version is not null).Select(each => (each.Version!.Value, each.By.CompletedAt));
        var acknowledged = states.Versions.Where(each => each.Value.IsOk).Select(each => (each.Key, each.Value.CompletedAt));
        foreach (var (version, at) in shown.Concat(acknowledged))
            first[version] = Math.Min(at, first.GetValueOrDefault(version, HistoryOperation.Never));
        return first;
    }

    /// <summary>Finds a write for this version. If the write is taken by another version, it finds another write for that one.</summary>
    private static bool Assign(Stranger stranger, Dictionary<HistoryOperation, Stranger> taken, HashSet<HistoryOperation> tried)
    {
        foreach (var write in stranger.Explanations.Where(tried.Add))
            if (!taken.TryGetValue(write, out var other) || Assign(other, taken, tried))
            {
                taken[write] = stranger;
                return true;
            }
        return false;
    }

    /// <param name="By">The first operation that names the version.</param>
    private sealed record Stranger(long Version, HistoryOperation By)
    {
        public IReadOnlyList<HistoryOperation> Explanations { get; init; } = [];
    }
}
