using BenchmarkDotNet.Attributes;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardRouter.Routing;

namespace LoadTests.Micro;

/// <summary>All with 1,000 shards.</summary>
public class RingBenchmarks
{
    private readonly ShardRing _older = LargeRing.Of(1);
    private readonly ShardRing _newer = LargeRing.Of(2);
    private readonly string _document = RingDocumentCodec.Write(LargeRing.Of(1));
    private int _slot;

    [Benchmark(Description = "owner of a slot")]
    public int Lookup()
    {
        _slot = (_slot + 7919) & (Slot.Count - 1); // in no order
        return _older.OwnerOf(new Slot(_slot)).At.Hosts[0].Port;
    }

    /// <summary>What requests can notice of a new ring: it is complete before, and taken in one step.</summary>
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
