namespace LoadTests.Engine;

/// <summary>What a run came to, warm-up left out.</summary>
/// <param name="PerSecond">Operations that were answered, rightly, in the time measured.</param>
/// <param name="RouterCpu">CPU time of the routers for one operation; null: there is none in between.</param>
internal sealed record LoadResult(double PerSecond, Latency Latency, TimeSpan? RouterCpu = null)
{
    /// <summary>CPU time of the shards' Postgres for one operation; null: not asked for.</summary>
    public TimeSpan? ShardCpu { get; init; }

    /// <summary>From the middle to the tail, as far as the engine knows them: 0.5, 0.99….</summary>
    public IReadOnlyList<(double Quantile, TimeSpan Time)> Percentiles { get; init; } = [];

    /// <summary>Empty unless the plan asked for it and the engine can.</summary>
    public IReadOnlyList<LoadSecond> Seconds { get; init; } = [];

    public IReadOnlyList<FailureCount> Failures { get; init; } = [];

    /// <summary>Timestamp of the stopwatch when the measured time began; null: the engine does not tell.</summary>
    public long? BeganAt { get; init; }
}
