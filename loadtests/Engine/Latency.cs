namespace LoadTests.Engine;

/// <summary>How long operations took. Only the mean is known from every program that measures.</summary>
internal sealed record Latency(TimeSpan Mean, TimeSpan? P50 = null, TimeSpan? P99 = null, TimeSpan? Max = null);
