using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Checks items of one partition. Each is inserted once, some with a time to live, and deleted. A read sees one of them, or all existing
/// ones. A delete sees one too: it succeeds if the item exists, and is refused otherwise.
/// </summary>
/// <remarks>
/// Rules for each item. 1 It exists from its acknowledged insert, or from the first operation that saw it, until a delete begins or its
/// time to live is over. 2 When it is gone (deleted, expired, or seen to be absent after it existed), it never comes back. 3 It never
/// exists before its insert, or if its insert failed. 4 At most one delete succeeds. 5 A read shows the document that was inserted.
/// </remarks>
internal static class SetChecker
{
    /// <summary>Client and shard share a machine and its clock, but read the clock in different ways.</summary>
    private const long ClockTolerance = 100_000;

    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var violations = new List<Violation>();
        var inserts = history.Where(operation => operation.Kind == OperationKind.Create)
            .ToDictionary(insert => insert.Item!, StringComparer.Ordinal);
        var scans = history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Item: null }).ToArray();
        var single = history.Where(operation => operation.Kind != OperationKind.Create && operation.Item is not null)
            .ToLookup(operation => operation.Item!, StringComparer.Ordinal);
        CheckStrangers(inserts, scans, single, violations);
        var scanned = scans.Select(scan => (Scan: scan, Items: (scan.Seen ?? []).ToHashSet(StringComparer.Ordinal))).ToArray();
        foreach (var (item, insert) in inserts)
            CheckItem(
                insert, [.. single[item].Where(operation => operation.Kind == OperationKind.Delete)],
                [.. Sightings(item, single[item], scanned)], violations);
        return violations;
    }

    private static void CheckStrangers(
        Dictionary<string, HistoryOperation> inserts, HistoryOperation[] scans, ILookup<string, HistoryOperation> single, List<Violation> violations)
    {
        foreach (var scan in scans)
            foreach (var stranger in (scan.Seen ?? []).Where(item => !inserts.ContainsKey(item)))
                violations.Add(new Violation($"nobody inserted {stranger}", scan));
        foreach (var operations in single.Where(operations => !inserts.ContainsKey(operations.Key)))
            foreach (var sighting in operations.SelectMany(SightingOf).Where(sighting => sighting.IsThere))
                violations.Add(new Violation($"nobody inserted {operations.Key}", sighting.By));
    }

    private static IEnumerable<Sighting> Sightings(
        string item, IEnumerable<HistoryOperation> single, (HistoryOperation Scan, HashSet<string> Items)[] scans) =>
        single.SelectMany(SightingOf).Concat(scans.Select(each => new Sighting(each.Scan, each.Items.Contains(item))));

    /// <summary>An operation on one item that failed, or whose outcome is unknown, gives no sighting.</summary>
    private static IEnumerable<Sighting> SightingOf(HistoryOperation operation) => operation switch
    {
        { Kind: OperationKind.Read, IsOk: true } => [new Sighting(operation, operation.Version is not null)],
        { Kind: OperationKind.Delete, IsOk: true } => [new Sighting(operation, IsThere: true)],
        { Kind: OperationKind.Delete, IsRefused: true } => [new Sighting(operation, IsThere: false)],
        _ => [],
    };

    private static void CheckItem(HistoryOperation insert, HistoryOperation[] deletes, Sighting[] sightings, List<Violation> violations)
    {
        if (insert.IsRefused)
            violations.Add(new Violation("an item was there before its only insert", insert));
        HistoryOperation[] succeeded = [.. deletes.Where(delete => delete.IsOk)];
        if (succeeded.Length > 1)
            violations.Add(new Violation("two deletes of one insert succeeded", [insert, .. succeeded]));
        foreach (var read in sightings.Select(sighting => sighting.By).Where(read => read.Kind == OperationKind.Read && read.Value is not null))
            if (read.Value != insert.Value)
                violations.Add(new Violation("a read shows another item's document", insert, read));
        var mayGoFrom = MayGoFrom(insert, [.. deletes.Where(delete => !IsLost(delete, sightings))]);
        var there = CertainlyThere(insert, sightings);
        var gone = Gone(insert, deletes, sightings, Math.Min(there?.At ?? HistoryOperation.Never, insert.AnsweredAt));
        foreach (var (by, isThere) in sightings)
            if (isThere && !insert.MayHaveLanded)
                violations.Add(new Violation("an item is there whose insert failed", insert, by));
            else if (isThere && insert.InvokedAt > by.CompletedAt)
                violations.Add(new Violation("an item is there before its insert began", insert, by));
            else if (isThere && gone is { } end && by.InvokedAt > end.At)
                violations.Add(new Violation("an item came back", insert, end.Because, by));
            else if (!isThere && there is { } since && by.InvokedAt > since.At && by.CompletedAt < mayGoFrom)
                violations.Add(new Violation(
                    since.Because == insert ? "an acknowledged item is lost" : "an item that was there is lost", since.Because, by));
    }

    /// <returns>
    /// The earliest time when the item may be gone. If a delete succeeded, only this delete removed it, not another one and not its time to
    /// live.
    /// </returns>
    private static long MayGoFrom(HistoryOperation insert, HistoryOperation[] deletes) =>
        deletes.Any(delete => delete.IsOk)
            ? deletes.Where(delete => delete.IsOk).Min(delete => delete.InvokedAt)
            : Math.Min(
                deletes.Where(delete => delete.MayHaveLanded).Select(delete => delete.InvokedAt).DefaultIfEmpty(HistoryOperation.Never).Min(),
                insert.TtlSeconds is { } seconds ? insert.InvokedAt + (seconds * 1_000_000L) - ClockTolerance : HistoryOperation.Never);

    /// <summary>Whether the shard lost this delete: the item existed after its answer.</summary>
    private static bool IsLost(HistoryOperation delete, Sighting[] sightings) =>
        sightings.Any(sighting => sighting.IsThere && sighting.By.InvokedAt > delete.AnsweredAt);

    /// <returns>The time from which the item was certainly inserted, and the operation that proves it.</returns>
    private static (long At, HistoryOperation Because)? CertainlyThere(HistoryOperation insert, Sighting[] sightings)
    {
        var proofs = sightings.Where(sighting => sighting.IsThere).Select(sighting => sighting.By).ToList();
        if (insert.IsOk)
            proofs.Insert(0, insert); // before others that complete at the same time: the rule is named after the insert
        return proofs.Count == 0 ? null : proofs.Select(proof => (proof.CompletedAt, proof)).MinBy(proof => proof.CompletedAt);
    }

    /// <param name="inserted">From this time on the item was certainly inserted, if ever: if it is absent later, it is gone.</param>
    /// <returns>The time from which the item is certainly gone for good, and the operation that proves it.</returns>
    private static (long At, HistoryOperation Because)? Gone(HistoryOperation insert, HistoryOperation[] deletes, Sighting[] sightings, long inserted)
    {
        var proofs = deletes.Where(delete => delete.IsOk).Select(delete => (delete.CompletedAt, Because: delete)).ToList();
        if (insert is { IsOk: true, TtlSeconds: { } seconds })
            proofs.Add((insert.CompletedAt + (seconds * 1_000_000L) + ClockTolerance, insert));
        proofs.AddRange(sightings.Where(sighting => !sighting.IsThere && sighting.By.InvokedAt > inserted)
            .Select(sighting => (sighting.By.CompletedAt, sighting.By)));
        return proofs.Count == 0 ? null : proofs.MinBy(proof => proof.CompletedAt);
    }

    /// <param name="By">The operation whose answer shows whether the item existed.</param>
    private readonly record struct Sighting(HistoryOperation By, bool IsThere);
}
