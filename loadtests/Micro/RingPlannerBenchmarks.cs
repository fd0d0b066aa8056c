using BenchmarkDotNet.Attributes;
using ShardCore.Ring;

namespace LoadTests.Micro;

/// <summary>Plans for one of 1,000 shards.</summary>
public class RingPlannerBenchmarks
{
    [Benchmark(Description = "plan: the thousandth shard joins")]
    public int Join() => RingPlanner.Plan(LargeRing.Before.Owners, LargeRing.Shards).Moves.Length;

    [Benchmark(Description = "plan: one of 1,000 shards leaves")]
    public int Leave() => RingPlanner.Plan(LargeRing.After.Owners, LargeRing.Fewer).Moves.Length;
}
