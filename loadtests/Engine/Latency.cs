namespace LoadTests.Engine;

/// <summary>The latency of operations. Not every measuring program knows more than the mean.</summary>
internal sealed record Latency(TimeSpan Mean, TimeSpan? P50 = null, TimeSpan? P99 = null, TimeSpan? Max = null);
