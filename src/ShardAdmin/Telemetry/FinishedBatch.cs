namespace ShardAdmin.Telemetry;

/// <summary>A row of a source's history.</summary>
/// <param name="Outcome">done · cancelled</param>
/// <param name="PauseMs">How long writes to its slots were held; null: its mover died before it could note that.</param>
internal sealed record FinishedBatch(Guid Id, string Target, string Outcome, int Slots, long Rows, long Bytes, long Changes, double? PauseMs);
