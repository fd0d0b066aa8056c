using System.Globalization;
using ShardCore.Ring;

namespace LoadTests.Micro;

/// <summary>A ring of 1,000 shards, after the last one joined 999 others: its owners form about 2,000 runs of slots.</summary>
internal static class LargeRing
{
    private const int Count = 1000;

    public static Shard[] Shards { get; } =
        [.. Enumerable.Range(1, Count).Select(i => new Shard(new ShardId(Name("s", i)), Name("shard-", i) + ".example.net", 5432, "sharding"))];

    /// <summary>All shards but the last.</summary>
    public static Shard[] Fewer { get; } = Shards[..^1];

    public static RingPlan Before { get; } = RingPlanner.Plan([], Fewer);

    public static RingPlan After { get; } = RingPlanner.Plan(Before.Owners, Shards);

    public static ShardRing Of(long epoch) => ShardRing.Create(new ClusterId("bench", Guid.Empty), new Epoch(epoch), Shards, After.Owners);

    private static string Name(string prefix, int number) => prefix + number.ToString(CultureInfo.InvariantCulture);
}
