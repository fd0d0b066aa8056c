using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Deletions leave no version, so their place in the order of the writes is unknown. These rules only forbid histories that are impossible
/// for every moment between the beginning and the end of each deletion.
/// </summary>
/// <remarks>
/// Rules. 1 The item is absent only after a delete that may have removed the highest version known before. 2 An item is created over an
/// earlier version only if a delete may be between them. 3 After the item was certainly gone, only a create or put that was not over before
/// can make it exist again. 4 For every successful delete there is a separate create or put before it.
/// </remarks>
internal static class RegisterDeletions
{
    public static void Check(RegisterStates states, List<Violation> violations)
    {
        // A successful delete shows an absence too, but it caused this absence itself.
        foreach (var (found, latest) in states.WithLatestBefore().Where(each => each.Operation is not { Kind: OperationKind.Delete, IsOk: true }))
            if (RegisterStates.IsAbsence(found) && !states.Deletes.Any(delete => MayRemove(delete, latest.Version!.Value, found.CompletedAt, states)))
                violations.Add(new Violation("the item is gone, and nobody deleted it", latest, found));
        foreach (var (version, write) in states.Versions.Where(each => each.Value.Kind == OperationKind.Create))
            if (states.NeighboursOf(version).Before is { } before && !MayLieBetween(before, write, states))
                violations.Add(new Violation("a write that wanted no item succeeded over one", states.Versions[before], write));
        CheckReturns(states, violations);
        CheckNumbers(states, violations);
    }

    /// <returns>Whether a delete may have removed this version, or a later one, before the write.</returns>
    public static bool MayLieBetween(long version, HistoryOperation write, RegisterStates states) =>
        states.Deletes.Any(delete => MayRemove(delete, version, write.CompletedAt, states));

    private static bool MayRemove(HistoryOperation delete, long version, long by, RegisterStates states) =>
        delete.InvokedAt <= by
        && (delete.Expected is null || delete.Expected >= version)
        && (!states.Versions.TryGetValue(version, out var write) || delete.CompletedAt >= write.InvokedAt);

    private static void CheckReturns(RegisterStates states, List<Violation> violations)
    {
        HistoryOperation[] absences = [.. states.History.Where(RegisterStates.IsAbsence).OrderBy(absence => absence.CompletedAt)];
        var versionOf = states.Versions.GroupBy(each => each.Value.Id).ToDictionary(same => same.Key, same => same.First().Key);
        HistoryOperation? gone = null; // the absence that began last, of those that were over
        var next = 0;
        foreach (var (operation, version) in states.Presences) // in the order of their beginnings
        {
            for (; next < absences.Length && absences[next].CompletedAt < operation.InvokedAt; next++)
                if (gone is null || absences[next].InvokedAt > gone.InvokedAt)
                    gone = absences[next];
            if (gone is not null && version is { } shown && states.Versions.TryGetValue(shown, out var write) && write.CompletedAt < gone.InvokedAt)
                violations.Add(new Violation("a deleted item came back", write, gone, operation));
            else if (!states.Writes.Any(create => create.Kind is OperationKind.Create or OperationKind.Put
                && create.InvokedAt <= operation.CompletedAt && (gone is null || create.CompletedAt >= gone.InvokedAt)
                && (version is null || versionOf.GetValueOrDefault(create.Id) <= version)))
                violations.Add(gone is null
                    ? new Violation("an item is there that nobody created", operation)
                    : new Violation("an item is there that nobody created after it was gone", gone, operation));
        }
    }

    private static void CheckNumbers(RegisterStates states, List<Violation> violations)
    {
        HistoryOperation[] creates = [.. states.Writes.Where(write => write.Kind is OperationKind.Create or OperationKind.Put)];
        var number = 0;
        foreach (var delete in states.Deletes.Where(delete => delete.IsOk).OrderBy(delete => delete.CompletedAt))
            if (++number > creates.Count(create => create.InvokedAt <= delete.CompletedAt))
                violations.Add(new Violation("more deletes succeeded than there were items", delete));
    }
}
