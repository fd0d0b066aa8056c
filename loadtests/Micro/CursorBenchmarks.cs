using BenchmarkDotNet.Attributes;
using ShardRouter.Items;

namespace LoadTests.Micro;

public class CursorBenchmarks
{
    private static readonly PartitionQuery Query = new("cities", "FR", [(">=", "P"), ("<", "Q")], [], Descending: false, PartitionQuery.DefaultLimit, null, null, TimeSpan.FromSeconds(2.5));
    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private const string LastId = "Paris,48.85341,2.3488";

    private readonly string _cursor = CursorCodec.Write(Query, LastId, Secret);

    [Benchmark(Description = "id to cursor")]
    public int Encode() => CursorCodec.Write(Query, LastId, Secret).Length;

    [Benchmark(Description = "cursor to id")]
    public int Decode() => CursorCodec.Read(Query, _cursor, Secret)!.Length;
}
