using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Checks one item that clients write, patch, delete and read, mostly with conditions. Versions grow with every write, also across a
/// deletion. Therefore the versions are the order of the writes, and the history is linearizable exactly if this order fits all answers and
/// their times.
/// </summary>
/// <remarks>
/// Rules. 1 A version belongs to one write, and a read with this version shows the value of this write. 2 A value that a read shows was
/// written, and not after the read. 3 In real time versions never go back, and a write's version is above all versions that were known when
/// it began. 4 A write with a condition succeeds only directly after the version that it named. 5 An existing item stays until it is
/// deleted, and a deleted one never comes back (<see cref="RegisterDeletions"/>). 6 A version that only conditions name belongs to a write
/// of unknown outcome that can have this version (<see cref="RegisterStrangers"/>). 7 A patch leaves the rest of the document unchanged.
/// </remarks>
internal static class RegisterChecker
{
    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var violations = new List<Violation>();
        var states = new RegisterStates(history, violations);
        CheckValues(states, violations);
        CheckPatches(states, violations);
        RegisterStrangers.Check(states, violations);
        CheckRealTime(states, violations);
        CheckConditions(states, violations);
        RegisterDeletions.Check(states, violations);
        return violations;
    }

    private static void CheckValues(RegisterStates states, List<Violation> violations)
    {
        foreach (var read in states.Reads)
            if (!states.Versions.TryGetValue(read.Version!.Value, out var write))
                violations.Add(new Violation("a read shows a version that nobody wrote", read));
            else if (write.Value != read.Value)
                violations.Add(new Violation("a read shows a version with another value than was written", write, read));
            else if (write.InvokedAt > read.CompletedAt)
                violations.Add(new Violation("a read shows what was written after it", write, read));
        foreach (var same in states.Versions.GroupBy(each => each.Value.Id).Where(same => same.Count() > 1))
            violations.Add(new Violation($"one write has the versions {string.Join(" and ", same.Select(each => each.Key))}: it was applied more than once", same.First().Value));
    }

    /// <summary>A read of a patched item shows the patch, and the value of the write that the patch changed.</summary>
    private static void CheckPatches(RegisterStates states, List<Violation> violations)
    {
        var writers = states.Writes.Where(write => write.Kind != OperationKind.Patch).ToDictionary(write => write.Value!, StringComparer.Ordinal);
        var versionOf = states.Versions.GroupBy(each => each.Value.Id).ToDictionary(same => same.Key, same => same.First().Key);
        foreach (var read in states.Reads.Where(read => states.Versions.ContainsKey(read.Version!.Value)))
            if ((states.Versions[read.Version!.Value].Kind == OperationKind.Patch) != (read.Seen is not null))
                violations.Add(new Violation("a read shows a patch where there is none, or none where there is one", states.Versions[read.Version.Value], read));
            else if (read.Seen is not null && (!writers.TryGetValue(read.Seen[0], out var writer) || writer.InvokedAt > read.CompletedAt))
                violations.Add(new Violation("beside a patch there is what nobody wrote", read));
            else if (read.Seen is not null && versionOf.TryGetValue(writers[read.Seen[0]].Id, out var version)
                && (version > read.Version || states.Between(version, read.Version.Value).Any(write => write.Kind != OperationKind.Patch)))
                violations.Add(new Violation("beside a patch there is not what the last write before it left", writers[read.Seen[0]], read));
    }

    private static void CheckRealTime(RegisterStates states, List<Violation> violations)
    {
        foreach (var (operation, latest) in states.WithLatestBefore())
            if (RegisterStates.PresenceIn(operation) is { Version: { } shown } && shown < latest.Version)
                violations.Add(new Violation("a version went back", latest, operation));
            else if (RegisterStates.IsOkWrite(operation) && operation.Version < latest.Version)
                violations.Add(new Violation("a version went back", latest, operation));
            else if (RegisterStates.IsOkWrite(operation) && operation.Version == latest.Version)
                violations.Add(new Violation("a write has a version that was known before it began", latest, operation));
        foreach (var (version, write) in states.Versions.Where(each => each.Value.AnsweredAt != HistoryOperation.Never))
            CheckLost(version, write, states, violations);
    }

    /// <summary>After an operation has proved that a version was lost, no operation may see it again.</summary>
    private static void CheckLost(long version, HistoryOperation write, RegisterStates states, List<Violation> violations)
    {
        var lostAt = states.History.FirstOrDefault(operation => operation.InvokedAt > write.AnsweredAt && RegisterStates.IsWithout(version, operation));
        var again = lostAt is null ? [] : states.Presences.Where(each => each.Version == version && each.By.InvokedAt > lostAt.CompletedAt);
        foreach (var (by, _) in again.Take(1))
            violations.Add(new Violation("a lost write came back", write, lostAt!, by));
    }

    private static void CheckConditions(RegisterStates states, List<Violation> violations)
    {
        foreach (var (version, write) in states.Versions.Where(each => each.Value.Expected is not null))
            if (write.Expected >= version)
                violations.Add(new Violation("a write has no higher version than the one it replaced", write));
            // No known write may be between. The named version itself may belong to an unknown write that nobody read.
            else if (states.Between(write.Expected!.Value, version).FirstOrDefault() is { } between)
                violations.Add(new Violation("a write on condition succeeded although another came between", between, write));
        foreach (var same in states.History.Where(write => write is { IsOk: true, Expected: not null }).GroupBy(write => write.Expected).Where(same => same.Count() > 1))
            violations.Add(new Violation("two writes succeeded on one version", [.. same]));
        foreach (var refusal in states.History.Where(operation => operation.IsRefused))
            if (refusal.Expected is not null && refusal.Version == refusal.Expected)
                violations.Add(new Violation("a write was refused although the version that it named was there", refusal));
            else if (refusal is { Kind: OperationKind.Create, Version: null })
                violations.Add(new Violation("a write that wanted no item was refused although there was none", refusal));
    }
}
