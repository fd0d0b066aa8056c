using BenchmarkDotNet.Attributes;
using ShardCore.Ring;

namespace LoadTests.Micro;

public class SlotHashBenchmarks
{
    private readonly string _short = "user:42";
    private readonly string _long = new('k', 1024); // the longest partition key

    [Benchmark(Description = "slot of a key of 7 bytes")]
    public int ShortKey() => SlotHash.Of(_short).Value;

    [Benchmark(Description = "slot of a key of 1,024 bytes")]
    public int LongKey() => SlotHash.Of(_long).Value;
}
