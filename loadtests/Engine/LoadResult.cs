namespace LoadTests.Engine;

/// <summary>What a run came to, warm-up left out.</summary>
/// <param name="PerSecond">Operations that were answered, rightly, in the time measured.</param>
/// <param name="RouterCpu">CPU time of the routers for one operation; null: there is none in between.</param>
internal sealed record LoadResult(double PerSecond, Latency Latency, TimeSpan? RouterCpu = null);
