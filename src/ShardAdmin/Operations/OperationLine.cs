namespace ShardAdmin.Operations;

/// <summary>An operation: the batches that were planned together.</summary>
/// <param name="State">disputed (a person has to decide which copy of a batch is right: ops settle) · running · paused · cancelling ·
/// unfinished (nobody works on it) · done · cancelled (some of its batches, or all)</param>
/// <param name="SlotsDone">The number of slots that were moved and compared.</param>
/// <param name="Mover">The process that works on it.</param>
/// <param name="UnseenSeconds">The time since its mover last reported; null: it is over.</param>
/// <param name="PlannedBy">The person who typed <paramref name="Command"/>.</param>
/// <param name="StartedBy">The person or agent that last continued it.</param>
/// <param name="EndedAt">Null: it is not over.</param>
internal sealed record OperationLine(
    Guid Id, string State, string? Command, int Slots, int SlotsDone, int Batches, int BatchesDone, long Rows, long Bytes,
    long BytesPlanned, long Changes, double? LagMs, double? MaxPauseMs, string? Mover, double? UnseenSeconds, string PlannedBy,
    string StartedBy, DateTime StartedAt, DateTime? EndedAt, IReadOnlyList<BatchLine> BatchList)
{
    public bool IsOver => State is "done" or "cancelled";

    /// <summary>
    /// Counts the gaps in the ordinals: these batches are no longer in the histories, because a shard keeps only the last 20,000.
    /// </summary>
    public int CountForgotten() => BatchList.Any(line => line.Ordinal is null)
        ? 0
        : BatchList.Max(line => line.Ordinal!.Value) + 1 - BatchList.Select(line => line.Ordinal).Distinct().Count();

    public static OperationLine Of(Guid id, IReadOnlyList<BatchLine> batches)
    {
        BatchLine[] lines = [.. batches.OrderBy(line => line.Ordinal ?? -1).ThenBy(line => line.StartedAt)];
        var (done, open) = (lines.Where(line => line.IsFinal).ToArray(), lines.Where(line => !line.IsOver).ToArray());
        var last = lines.MaxBy(line => line.SeenAt)!;
        return new OperationLine(
            id, StateOf(lines, open), lines[0].Command, lines.Sum(line => line.SlotCount), done.Sum(line => line.SlotCount),
            lines.Length, done.Length, lines.Sum(line => line.Rows), lines.Sum(line => line.Bytes), lines.Sum(line => line.BytesPlanned),
            lines.Sum(line => line.Changes), open.Max(line => line.LagMs), lines.Max(line => line.PauseMs),
            open.FirstOrDefault(line => line.Mover is not null && line.IsHeld)?.Mover,
            open.Length > 0 ? open.Min(line => line.UnseenSeconds) : null,
            lines[0].PlannedBy, last.StartedBy, lines.Min(line => line.StartedAt), open.Length > 0 ? null : last.SeenAt, lines);
    }

    private static string StateOf(BatchLine[] lines, BatchLine[] open)
    {
        if (open.Length == 0)
            return lines.All(line => line.Phase == "done") ? "done" : "cancelled";
        if (open.Any(line => line.Disputed is not null))
            return "disputed";
        if (open.Any(line => line.Wanted == "pause"))
            return "paused";
        return open.Any(line => line.Wanted == "cancel") ? "cancelling" : open.Any(line => line.IsHeld) ? "running" : "unfinished";
    }
}
