namespace LoadTests.Engine;

/// <summary>One second of a run.</summary>
/// <param name="Answered">How many operations were answered in this second; they may have begun earlier.</param>
/// <param name="Failed">How many of the operations that were planned for this second failed.</param>
/// <param name="P50">The median latency of the operations that were planned for this second; null: there was none. The other latencies
/// count the same operations.</param>
internal sealed record LoadSecond(long Answered, long Failed, TimeSpan? P50, TimeSpan? P99, TimeSpan? Max);
