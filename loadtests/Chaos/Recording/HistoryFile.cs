namespace Chaos.Recording;

/// <summary>Reads the files of <see cref="PartitionRecorder"/>.</summary>
internal static class HistoryFile
{
    /// <returns>The operations in the order of their beginnings. An operation without an end has an unknown outcome.</returns>
    public static IReadOnlyList<HistoryOperation> Read(string path) => Parse(File.ReadLines(path));

    public static IReadOnlyList<HistoryOperation> Parse(IEnumerable<string> lines)
    {
        var operations = new List<HistoryOperation>();
        var places = new Dictionary<long, int>();
        foreach (var line in lines.Select(HistoryLine.Parse))
            if (line.Event == HistoryLine.Invoke)
            {
                places[line.Op] = operations.Count;
                operations.Add(new HistoryOperation(line.Op, line.Kind!.Value, line.At, HistoryOperation.Never, OperationOutcome.Unknown)
                {
                    Item = line.Item,
                    Value = line.Value,
                    Expected = line.Expected,
                    TtlSeconds = line.TtlSeconds,
                });
            }
            else
            {
                var place = places[line.Op];
                operations[place] = Ended(operations[place], line);
            }
        // Two clients may read the clock in one order and write their lines in the other.
        return [.. operations.OrderBy(operation => operation.InvokedAt)];
    }

    private static HistoryOperation Ended(HistoryOperation begun, HistoryLine end)
    {
        var outcome = Enum.Parse<OperationOutcome>(end.Event, ignoreCase: true);
        return begun with
        {
            Outcome = outcome,
            CompletedAt = outcome == OperationOutcome.Unknown ? HistoryOperation.Never : end.At,
            Version = end.Version,
            Value = begun.Value ?? end.Value,
            IsRefused = end.Refused ?? false,
            Seen = end.Seen,
            Note = end.Note,
        };
    }
}
