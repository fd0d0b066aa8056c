using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ShardCore.Ring;

namespace ShardCore.Tests.Ring;

internal static class RingGenerators
{
    public static readonly ClusterId Cluster = new("default", Guid.Parse("0199b3a4-5c6d-7e8f-9012-3456789abcde"));

    private static readonly string[] Hosts = ["127.0.0.1", "::1", "db-1.example.org", "10.0.0.1", "s_1"];
    private static readonly string[] Databases = ["app", "Großes \"DB\"", "a/b", "日本", "x"];
    private static readonly ShardState[] States = [ShardState.Active, ShardState.Draining];

    /// <summary>Valid partition keys: any Unicode but NUL and lone surrogates, 1…1,024 bytes.</summary>
    public static Gen<string> Keys { get; } =
        from runes in Gen.NonEmptyListOf(Gen.Frequency(
            (6, Gen.Choose(0x20, 0x7e)), (1, Gen.Choose(1, 0xd7ff)), (1, Gen.Choose(0xe000, 0xffff)), (1, Gen.Choose(0x10000, 0x10ffff))))
        select string.Concat(runes.Take(256).Select(value => new Rune(value)));

    /// <summary>Mostly small weights, sometimes the largest.</summary>
    public static Gen<int> Weights { get; } =
        Gen.Frequency((4, Gen.Constant(1)), (4, Gen.Choose(1, 5)), (2, Gen.Choose(1, 100)), (1, Gen.Elements(999, Shard.MaxWeight)));

    public static Shard ShardNumber(int number, int weight = 1) =>
        new(new ShardId(string.Create(CultureInfo.InvariantCulture, $"s{number}")), "127.0.0.1", 5000 + number, "app", weight);

    /// <summary>Any ring, balanced or not: random runs over 0…8 shards.</summary>
    public static Gen<ShardRing> Rings { get; } =
        from count in Gen.Choose(0, 8)
        from epoch in Gen.Frequency((9, Gen.Choose(1, int.MaxValue).Select(value => (long)value)), (1, Gen.Constant((1L << 53) - 1)))
        from shards in Shards(count)
        from cuts in Gen.ArrayOf(Gen.Choose(0, Slot.Count))
        from picks in Gen.ArrayOf(Gen.Choose(0, 1000), cuts.Length + 1)
        select ShardRing.Create(Cluster, new Epoch(epoch), shards, count == 0 ? [] : Owners(shards, [.. cuts.Order()], picks));

    private static Gen<Shard[]> Shards(int count) =>
        (from host in Gen.Elements(Hosts)
         from port in Gen.Choose(1, 65_535)
         from database in Gen.Elements(Databases)
         from weight in Gen.Choose(1, Shard.MaxWeight)
         from state in Gen.Elements(States)
         select new Shard(default, host, port, database, weight, state))
        .ArrayOf(count)
        .Select(shards => shards.Select((shard, i) => shard with { Id = ShardNumber(i + 1).Id }).ToArray());

    private static ShardId[] Owners(Shard[] shards, int[] cuts, int[] picks)
    {
        var owners = new ShardId[Slot.Count];
        var run = 0;
        for (var slot = 0; slot < Slot.Count; slot++)
        {
            while (run < cuts.Length && cuts[run] <= slot)
                run++;
            owners[slot] = shards[picks[run] % shards.Length].Id;
        }
        return owners;
    }
}
