using BenchmarkDotNet.Attributes;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardRouter.Rings;

namespace LoadTests.Micro;

/// <summary>Benchmarks of a ring with 1,000 shards.</summary>
public class RingBenchmarks
{
    private readonly ShardRing _older = LargeRing.Of(1);
    private readonly ShardRing _newer = LargeRing.Of(2);
    private readonly string _document = RingDocumentCodec.Write(LargeRing.Of(1));
    private int _slot;

    [Benchmark(Description = "owner of a slot")]
    public int Lookup()
    {
        _slot = (_slot + 7919) & (Slot.Count - 1); // visits the slots in no order
        return _older.OwnerOf(new Slot(_slot)).At.Hosts[0].Port;
    }

    /// <summary>The part of a new ring that requests can notice: the ring is complete before, and is taken in one step.</summary>
    [Benchmark(Description = "two swaps in a new RingHolder")]
    public bool Swap()
    {
        var holder = new RingHolder();
        return holder.Accept(_older) && holder.Accept(_newer);
    }

    [Benchmark(Description = "ring document to ring")]
    public long Parse() => RingDocumentCodec.Read(_document).Epoch.Value;

    [Benchmark(Description = "ring to ring document")]
    public int Write() => RingDocumentCodec.Write(_older).Length;
}
