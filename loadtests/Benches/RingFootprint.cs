using System.Diagnostics;
using System.Text.Json;
using ShardCore.Ring;
using ShardCore.RingDocuments;

namespace LoadTests.Benches;

/// <summary>A ring of 1,000 shards, after the last one joined 999 others: its owners form about 2,000 runs of slots.</summary>
internal sealed class RingFootprint
{
    public const double MaxSwapMs = 5;
    public const double MaxLookupNs = 50;

    private const int Shards = 1000;
    private const int Swaps = 101;
    private const int Lookups = 20_000_000;

    private readonly string _document;
    private ShardRing _current;

    public RingFootprint()
    {
        Shard[] shards = [.. Enumerable.Range(1, Shards).Select(i => new Shard(new ShardId(FormattableString.Invariant($"s{i}")), FormattableString.Invariant($"shard-{i}.example.net"), 5432, "sharding"))];
        var before = RingPlanner.Plan([], shards[..^1]);
        var after = RingPlanner.Plan(before.Owners, shards);
        _current = ShardRing.Create(new ClusterId("bench", Guid.Empty), new Epoch(2), shards, after.Owners);
        _document = RingDocumentCodec.Write(_current);
    }

    public int DocumentBytes => _document.Length;

    /// <summary>The time from the document's text in Redis to the ring that requests read; the median of many.</summary>
    public TimeSpan MeasureSwap() => MedianOf(() => Volatile.Write(ref _current, RingDocumentCodec.Read(_document)));

    /// <summary>The time for parsing the same text. A swap is compared with it, because the speed of the machine is unknown.</summary>
    public TimeSpan MeasureParsing() => MedianOf(() => JsonDocument.Parse(_document).Dispose());

    private static TimeSpan MedianOf(Action action)
    {
        var times = new List<double>(Swaps);
        for (var i = 0; i < Swaps * 2; i++)
        {
            var startedAt = Stopwatch.GetTimestamp();
            action();
            if (i >= Swaps) // during the first half the code is compiled
                times.Add(Stopwatch.GetElapsedTime(startedAt).Ticks);
        }
        return TimeSpan.FromTicks((long)Standing.Median(times));
    }

    /// <summary>The nanoseconds for finding the owner of a slot, without hashing, with slots in no order.</summary>
    public double MeasureLookup() => NanosecondsOf(LookUp);

    /// <summary>The same look-ups in a dictionary, for comparison, because the speed of the machine is unknown.</summary>
    public double MeasureDictionaryLookup()
    {
        var owners = Enumerable.Range(0, Slot.Count).ToDictionary(slot => slot, slot => _current.OwnerOf(new Slot(slot)));
        return NanosecondsOf(times =>
        {
            long ports = 0;
            for (var i = 0; i < times; i++)
                ports += owners[(i * 7919) & (Slot.Count - 1)].At.Hosts[0].Port;
            return ports;
        });
    }

    private static double NanosecondsOf(Func<int, long> lookUp)
    {
        lookUp(Lookups / 10);
        var startedAt = Stopwatch.GetTimestamp();
        var ports = lookUp(Lookups);
        var time = Stopwatch.GetElapsedTime(startedAt);
        return ports == Lookups * 5432L ? time.TotalNanoseconds / Lookups : throw new InvalidOperationException("A look-up went wrong.");
    }

    private long LookUp(int times)
    {
        long ports = 0;
        for (var i = 0; i < times; i++)
            ports += Volatile.Read(ref _current).OwnerOf(new Slot((i * 7919) & (Slot.Count - 1))).At.Hosts[0].Port;
        return ports;
    }
}
