using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>
/// Items of one partition that are each inserted once, some with a time to live, and deleted. Reads see one of them, or
/// all that are there.
/// </summary>
/// <remarks>
/// Rules for each item. 1 it is there from its acknowledged insert until a delete begins or its time is over; 2 once
/// it is gone — deleted, expired, or seen to be gone after it was there — it never comes back; 3 what failed to be
/// inserted, or was not yet, is never there.
/// </remarks>
internal static class SetChecker
{
    /// <summary>Client and shard share a machine and so a clock, but read it at different rates.</summary>
    private const long ClockTolerance = 100_000;

    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var violations = new List<Violation>();
        var inserts = history.Where(operation => operation.Kind == OperationKind.Create).ToDictionary(insert => insert.Item!, StringComparer.Ordinal);
        var scans = history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true, Item: null }).ToArray();
        foreach (var scan in scans)
            foreach (var stranger in (scan.Seen ?? []).Where(item => !inserts.ContainsKey(item)))
                violations.Add(new Violation($"nobody inserted {stranger}", scan));
        var single = history.Where(operation => operation.Kind != OperationKind.Create && operation.Item is not null).ToLookup(operation => operation.Item!, StringComparer.Ordinal);
        var scanned = scans.Select(scan => (Scan: scan, Items: (scan.Seen ?? []).ToHashSet(StringComparer.Ordinal))).ToArray();
        foreach (var (item, insert) in inserts)
            CheckItem(insert, [.. single[item].Where(operation => operation.Kind == OperationKind.Delete)], [.. Sightings(item, single[item], scanned)], violations);
        return violations;
    }

    private static IEnumerable<Sighting> Sightings(string item, IEnumerable<HistoryOperation> single, (HistoryOperation Scan, HashSet<string> Items)[] scans) =>
        single.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true }).Select(read => new Sighting(read, read.Version is not null))
            .Concat(scans.Select(each => new Sighting(each.Scan, each.Items.Contains(item))));

    private static void CheckItem(HistoryOperation insert, HistoryOperation[] deletes, Sighting[] sightings, List<Violation> violations)
    {
        if (insert.IsRefused)
            violations.Add(new Violation("an item was there before its only insert", insert));
        var mayGoFrom = Math.Min(
            deletes.Where(delete => delete.MayHaveLanded).Select(delete => delete.InvokedAt).DefaultIfEmpty(HistoryOperation.Never).Min(),
            insert.TtlSeconds is { } seconds ? insert.InvokedAt + (seconds * 1_000_000L) - ClockTolerance : HistoryOperation.Never);
        var gone = Gone(insert, deletes, sightings);
        foreach (var sighting in sightings)
        {
            var read = sighting.Read;
            if (sighting.IsThere && !insert.MayHaveLanded)
                violations.Add(new Violation("an item is there whose insert failed", insert, read));
            else if (sighting.IsThere && insert.InvokedAt > read.CompletedAt)
                violations.Add(new Violation("an item is there before its insert began", insert, read));
            else if (sighting.IsThere && gone is { } end && read.InvokedAt > end.At)
                violations.Add(new Violation("an item came back", insert, end.Because, read));
            else if (!sighting.IsThere && insert.IsOk && read.InvokedAt > insert.CompletedAt && read.CompletedAt < mayGoFrom)
                violations.Add(new Violation("an acknowledged item is lost", insert, read));
        }
    }

    /// <returns>From when on the item is certainly gone for good, and by whom we know.</returns>
    private static (long At, HistoryOperation Because)? Gone(HistoryOperation insert, HistoryOperation[] deletes, Sighting[] sightings)
    {
        var proofs = deletes.Where(delete => delete.IsOk).Select(delete => (delete.CompletedAt, Because: delete)).ToList();
        if (insert is { IsOk: true, TtlSeconds: { } seconds })
            proofs.Add((insert.CompletedAt + (seconds * 1_000_000L) + ClockTolerance, insert));
        // From here on it was certainly inserted, so not to be there means to be gone.
        var inserted = sightings.Where(sighting => sighting.IsThere).Select(sighting => sighting.Read.CompletedAt)
            .Append(insert.CompletedAt == HistoryOperation.Never || !insert.IsOk ? HistoryOperation.Never : insert.CompletedAt).Min();
        proofs.AddRange(sightings.Where(sighting => !sighting.IsThere && sighting.Read.InvokedAt > inserted).Select(sighting => (sighting.Read.CompletedAt, sighting.Read)));
        return proofs.Count == 0 ? null : proofs.MinBy(proof => proof.CompletedAt);
    }

    /// <param name="IsThere">The read saw the item.</param>
    private readonly record struct Sighting(HistoryOperation Read, bool IsThere);
}
