using Chaos.Recording;

namespace Chaos.Checkers;

/// <summary>
/// Checks a list in one item. Clients append to it by compare-and-swap, and nobody removes entries. Therefore each state is a prefix of the
/// last one, and all reads are compared with the last read.
/// </summary>
/// <remarks>
/// Rules. 1 No entry is there twice, no entry was never appended, and no entry is there whose append failed. 2 Every acknowledged entry is
/// there. 3 Every read is a prefix of the last read, and has all entries that were known when it began. 4 The order of the list fits real
/// time.
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
            // The append took effect before its answer or never. Therefore a later read without it proves that it was lost.
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

    /// <summary>A read is at least as long as every earlier read, and as the list was after every earlier append.</summary>
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
        HistoryOperation? latest = null; // the one that began last, of the entries before this one in the list
        foreach (var append in list.Where(appends.ContainsKey).Select(value => appends[value]))
        {
            if (latest is not null && append.CompletedAt < latest.InvokedAt)
                violations.Add(new Violation("an append stands behind one that began after it was acknowledged", append, latest));
            if (latest is null || append.InvokedAt > latest.InvokedAt)
                latest = append;
        }
    }
}
