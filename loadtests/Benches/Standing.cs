using LoadTests.Engine;

namespace LoadTests.Benches;

/// <summary>The measurements of one contestant, in their order.</summary>
internal sealed record Standing(string Name, IReadOnlyList<LoadResult> Runs)
{
    public double MedianPerSecond => Median(Runs.Select(run => run.PerSecond));

    public double LeastPerSecond => Runs.Min(run => run.PerSecond);

    public double MostPerSecond => Runs.Max(run => run.PerSecond);

    /// <summary>The median of one latency figure over all runs; null: the contestant does not measure it.</summary>
    public TimeSpan? MedianOf(Func<Latency, TimeSpan?> figure) =>
        Runs.Any(run => figure(run.Latency) is null) ? null : TimeSpan.FromTicks((long)Median(Runs.Select(run => (double)figure(run.Latency)!.Value.Ticks)));

    public TimeSpan? MedianRouterCpu => MedianCpu(run => run.RouterCpu);

    public TimeSpan? MedianShardCpu => MedianCpu(run => run.ShardCpu);

    private TimeSpan? MedianCpu(Func<LoadResult, TimeSpan?> figure) =>
        Runs.Any(run => figure(run) is null) ? null : TimeSpan.FromTicks((long)Median(Runs.Select(run => (double)figure(run)!.Value.Ticks)));

    /// <summary>
    /// How much faster it is than the reference: the median over the pairs. Both values of a pair come from the same time on the machine.
    /// </summary>
    public (double Median, double Least, double Most) RatioTo(Standing reference)
    {
        var ratios = Runs.Zip(reference.Runs, (own, other) => own.PerSecond / other.PerSecond).ToArray();
        return (Median(ratios), ratios.Min(), ratios.Max());
    }

    /// <summary>How much longer it takes than the reference: the median over the pairs.</summary>
    /// <param name="figure">A latency that both measure.</param>
    public (double Median, double Least, double Most) LatencyRatioTo(Standing reference, Func<Latency, TimeSpan?> figure)
    {
        var ratios = Runs.Zip(reference.Runs, (own, other) => figure(own.Latency)!.Value / figure(other.Latency)!.Value).ToArray();
        return (Median(ratios), ratios.Min(), ratios.Max());
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0
            ? throw new ArgumentException("There is no median of nothing.", nameof(values))
            : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
