namespace LoadTests.Engine;

/// <summary>One second of a run.</summary>
/// <param name="Answered">Operations that were answered in it, whenever they began.</param>
/// <param name="Failed">Of those that were to begin in it.</param>
/// <param name="P50">Of those that were to begin in it, as all latencies here; null: there was none.</param>
internal sealed record LoadSecond(long Answered, long Failed, TimeSpan? P50, TimeSpan? P99, TimeSpan? Max);
