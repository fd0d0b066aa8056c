using LoadTests.Chaos.Recording;

namespace LoadTests.Chaos.Checkers;

/// <summary>
/// A list in one item, to which clients append by compare-and-swap and from which nobody takes anything. Each state is
/// then a beginning of the last one, so the last read is what all others are held to.
/// </summary>
/// <remarks>
/// Rules. 1 nothing stands there twice, or that nobody appended, or whose append failed; 2 what was acknowledged is there;
/// 3 every read is a beginning of the last one, and has all that was known when it began; 4 real time is the list's order.
/// </remarks>
internal static class AppendChecker
{
    public static IReadOnlyList<Violation> Check(IReadOnlyList<HistoryOperation> history)
    {
        var reads = history.Where(operation => operation is { Kind: OperationKind.Read, IsOk: true }).ToArray();
        if (reads.Length == 0)
            return [];
        var last = reads[^1];
        IReadOnlyList<string> list = last.Seen ?? [];
        var violations = new List<Violation>();
        var appends = history.Where(operation => operation.Kind is OperationKind.Create or OperationKind.Replace).ToDictionary(append => append.Value!, StringComparer.Ordinal);
        var places = PlacesOf(list, last, appends, violations);
        foreach (var read in reads[..^1])
            foreach (var stranger in (read.Seen ?? []).Where(value => !appends.ContainsKey(value)))
                violations.Add(new Violation($"nobody appended {stranger}", read));
        foreach (var append in appends.Values.Where(append => append.IsOk && append.CompletedAt < last.InvokedAt && !places.ContainsKey(append.Value!)))
            violations.Add(new Violation("an acknowledged append is lost", append, last));
        foreach (var read in reads.Where(read => !list.Take(read.Seen?.Count ?? 0).SequenceEqual(read.Seen ?? [], StringComparer.Ordinal)))
            violations.Add(new Violation("a read is not a beginning of the last one", read, last));
        foreach (var append in places.Keys.Where(appends.ContainsKey).Select(value => appends[value]))
            // It took effect before its answer or never, so a read without it, later, says that it was lost.
            if (reads.FirstOrDefault(read => read.InvokedAt > append.AnsweredAt && !(read.Seen ?? []).Contains(append.Value, StringComparer.Ordinal)) is { } without)
                violations.Add(new Violation("a lost append came back", append, without, last));
        CheckReads(reads, appends.Values, places, violations);
        CheckOrder(list, appends, violations);
        return violations;
    }

    private static Dictionary<string, int> PlacesOf(IReadOnlyList<string> list, HistoryOperation last, Dictionary<string, HistoryOperation> appends, List<Violation> violations)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var place = 0; place < list.Count; place++)
        {
            if (!places.TryAdd(list[place], place))
                violations.Add(new Violation($"{list[place]} stands in the list twice", last));
            if (!appends.TryGetValue(list[place], out var append))
                violations.Add(new Violation($"nobody appended {list[place]}", last));
            else if (!append.MayHaveLanded)
                violations.Add(new Violation("an append that failed is in the list", append, last));
        }
        return places;
    }

    /// <summary>A read is at least as long as what earlier reads saw and earlier appends made of it.</summary>
    private static void CheckReads(HistoryOperation[] reads, IEnumerable<HistoryOperation> appends, Dictionary<string, int> places, List<Violation> violations)
    {
        var known = new PriorityQueue<(HistoryOperation Operation, int Length), long>();
        foreach (var read in reads)
            known.Enqueue((read, read.Seen?.Count ?? 0), read.CompletedAt);
        foreach (var append in appends.Where(append => append.IsOk && places.ContainsKey(append.Value!)))
            known.Enqueue((append, places[append.Value!] + 1), append.CompletedAt);
        (HistoryOperation Operation, int Length)? longest = null;
        foreach (var read in reads)
        {
            while (known.TryPeek(out var done, out var at) && at < read.InvokedAt)
            {
                known.Dequeue();
                if (longest is null || done.Length > longest.Value.Length)
                    longest = done;
            }
            if (longest is { } least && (read.Seen?.Count ?? 0) < least.Length)
                violations.Add(new Violation("a read went back", least.Operation, read));
        }
    }

    private static void CheckOrder(IReadOnlyList<string> list, Dictionary<string, HistoryOperation> appends, List<Violation> violations)
    {
        HistoryOperation? latest = null; // of those before in the list, the one that began last
        foreach (var append in list.Where(appends.ContainsKey).Select(value => appends[value]))
        {
            if (latest is not null && append.CompletedAt < latest.InvokedAt)
                violations.Add(new Violation("an append stands behind one that began after it was acknowledged", append, latest));
            if (latest is null || append.InvokedAt > latest.InvokedAt)
                latest = append;
        }
    }
}
