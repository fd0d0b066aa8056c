using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>
/// One item that is written and read, mostly on condition; never deleted. Versions grow with every write, so they are the
/// order of the writes, and the history is linearizable exactly if that order fits what each client saw, and when.
/// </summary>
/// <remarks>
/// Rules. 1 a version is of one write, and a read that shows it shows that write's value; 2 what is shown was written, and
/// not after it was shown; 3 in real time versions never go back, and a write's is above all that was known when it began;
/// 4 a write on condition succeeds only directly behind the version that it named; 5 what exists stays.
/// </remarks>
internal static class RegisterChecker
{
    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var writes = history.Where(operation => operation.Kind != OperationKind.Read && operation.MayHaveLanded).ToArray();
        var violations = new List<Violation>();
        var versions = VersionsOf(history, writes, violations);
        CheckValues(history, versions, violations);
        CheckStrangers(history, writes, versions, violations);
        CheckRealTime(history, violations);
        CheckConditions(writes, versions, violations);
        foreach (var refusal in history.Where(operation => operation is { IsRefused: true, Kind: OperationKind.Replace } && operation.Version == operation.Expected))
            violations.Add(new Violation("a write was refused although the version that it named was there", refusal));
        return violations;
    }

    /// <summary>Of acknowledged writes by their answers; of unknown ones by the reads that show their value.</summary>
    private static SortedDictionary<long, HistoryOperation> VersionsOf(IReadOnlyList<HistoryOperation> history, HistoryOperation[] writes, List<Violation> violations)
    {
        var versions = new SortedDictionary<long, HistoryOperation>();
        foreach (var write in writes.Where(write => write.IsOk))
            if (!versions.TryAdd(write.Version!.Value, write))
                violations.Add(new Violation("two writes have one version", versions[write.Version.Value], write));
        var unknown = writes.Where(write => !write.IsOk).ToDictionary(write => write.Value!, StringComparer.Ordinal);
        foreach (var read in history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Value: not null }))
            if (unknown.TryGetValue(read.Value!, out var write) && !versions.TryAdd(read.Version!.Value, write) && versions[read.Version.Value] != write)
                violations.Add(new Violation("two writes have one version", versions[read.Version.Value], write, read));
        return versions;
    }

    private static void CheckValues(IReadOnlyList<HistoryOperation> history, SortedDictionary<long, HistoryOperation> versions, List<Violation> violations)
    {
        foreach (var read in history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Value: not null }))
            if (!versions.TryGetValue(read.Version!.Value, out var write))
                violations.Add(new Violation("a read shows a version that nobody wrote", read));
            else if (write.Value != read.Value)
                violations.Add(new Violation("a read shows a version with another value than was written", write, read));
            else if (write.InvokedAt > read.CompletedAt)
                violations.Add(new Violation("a read shows what was written after it", write, read));
        foreach (var same in versions.GroupBy(each => each.Value.Id).Where(same => same.Count() > 1))
            violations.Add(new Violation($"one write has the versions {string.Join(" and ", same.Select(each => each.Key))}: it was applied more than once", same.First().Value));
    }

    /// <summary>Versions that only refusals tell of must be those of unknown writes, no more of them than there are.</summary>
    private static void CheckStrangers(
        IReadOnlyList<HistoryOperation> history, HistoryOperation[] writes, SortedDictionary<long, HistoryOperation> versions, List<Violation> violations)
    {
        var known = versions.Values.Select(write => write.Id).ToHashSet();
        var candidates = writes.Count(write => !write.IsOk && !known.Contains(write.Id));
        foreach (var told in history.Where(operation => operation.IsRefused).Where(refusal => refusal.Version is { } version && !versions.ContainsKey(version)).GroupBy(refusal => refusal.Version).Skip(candidates))
            violations.Add(new Violation("a refusal names a version that nobody wrote", told.First()));
    }

    private static void CheckRealTime(IReadOnlyList<HistoryOperation> history, List<Violation> violations)
    {
        var completed = new PriorityQueue<HistoryOperation, long>(history.Where(TellsState).Select(operation => (operation, operation.CompletedAt)));
        HistoryOperation? latest = null;
        foreach (var operation in history.Where(TellsState)) // by their beginning
        {
            while (completed.TryPeek(out var done, out var at) && at < operation.InvokedAt)
            {
                completed.Dequeue();
                if (done.Version is not null && (latest is null || done.Version > latest.Version))
                    latest = done;
            }
            if (latest is null)
                continue;
            if (operation.Version is null)
                violations.Add(new Violation("the item is gone, and nobody deleted it", latest, operation));
            else if (operation.Version < latest.Version)
                violations.Add(new Violation("a version went back", latest, operation));
            else if (operation.Version == latest.Version && operation.Kind != OperationKind.Read && operation.IsOk)
                violations.Add(new Violation("a write has a version that was known before it began", latest, operation));
        }
    }

    private static void CheckConditions(HistoryOperation[] writes, SortedDictionary<long, HistoryOperation> versions, List<Violation> violations)
    {
        var order = versions.Keys.ToArray();
        foreach (var (version, write) in versions)
        {
            var place = Array.BinarySearch(order, version);
            long? before = place == 0 ? null : order[place - 1];
            if (write.Kind == OperationKind.Create && before is not null)
                violations.Add(new Violation("a write that wanted no item succeeded over one", versions[before.Value], write));
            // Null: what stood there was an unknown write that nobody read; its version is the one named.
            if (write.Kind == OperationKind.Replace && before is not null && before > write.Expected)
                violations.Add(new Violation("a write on condition succeeded although another came between", versions[before.Value], write));
            if (write.Kind == OperationKind.Replace && write.Expected >= version)
                violations.Add(new Violation("a write has no higher version than the one it replaced", write));
        }
        foreach (var same in writes.Where(write => write is { Kind: OperationKind.Replace, IsOk: true }).GroupBy(write => write.Expected).Where(same => same.Count() > 1))
            violations.Add(new Violation("two writes succeeded on one version", [.. same]));
    }

    /// <summary>It shows what the item was at some moment between its beginning and its end.</summary>
    private static bool TellsState(HistoryOperation operation) => operation.IsOk || operation.IsRefused;
}
