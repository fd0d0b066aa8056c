namespace LoadTests.Engine;

/// <summary>What a run came to, warm-up left out.</summary>
/// <param name="PerSecond">Operations that were answered, rightly, in the time measured.</param>
internal sealed record LoadResult(double PerSecond, Latency Latency);
