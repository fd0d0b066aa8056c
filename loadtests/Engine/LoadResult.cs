namespace LoadTests.Engine;

/// <summary>The result of a run, without its warm-up.</summary>
/// <param name="PerSecond">How many operations got a right answer, per second of the measured time.</param>
/// <param name="RouterCpu">The routers' CPU time for one operation; null: there is no router.</param>
internal sealed record LoadResult(double PerSecond, Latency Latency, TimeSpan? RouterCpu = null)
{
    /// <summary>The CPU time of the shards' Postgres for one operation; null: it was not measured.</summary>
    public TimeSpan? ShardCpu { get; init; }

    /// <summary>The percentiles that the engine knows: 0.5, 0.99….</summary>
    public IReadOnlyList<(double Quantile, TimeSpan Time)> Percentiles { get; init; } = [];

    /// <summary>The figures of each second; empty if the plan did not ask for them or the engine does not have them.</summary>
    public IReadOnlyList<LoadSecond> Seconds { get; init; } = [];

    /// <summary>What <see cref="Seconds"/> were made from; null: they are empty.</summary>
    public LoadSeries? Series { get; init; }

    public IReadOnlyList<FailureCount> Failures { get; init; } = [];

    /// <summary>The timestamp of the stopwatch when the measured time began; null: the engine does not know it.</summary>
    public long? BeganAt { get; init; }
}
