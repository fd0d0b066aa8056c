namespace ShardAdmin.Telemetry;

/// <summary>A row of a source's journal, as far as metrics show it.</summary>
/// <param name="Step">What its mover is at; null: not begun.</param>
/// <param name="LagMs">From source to target, when last measured.</param>
/// <param name="UnseenSeconds">Since a mover last reported or did something, by the clock of the source.</param>
internal sealed record UnfinishedBatch(
    Guid OperationId, string Target, string Phase, string? Step, string Wanted, long Rows, long Bytes, long BytesPlanned, long Changes, double? LagMs, double UnseenSeconds);
