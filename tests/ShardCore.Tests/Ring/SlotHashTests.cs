using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using ShardCore.Ring;
using TestCluster;

namespace ShardCore.Tests.Ring;

public sealed class SlotHashTests(SharedPostgres postgres)
{
    [Fact]
    public void Golden_vectors_hold_in_CSharp()
    {
        var vectors = ReadVectors();
        Assert.True(vectors.Length >= 12);
        Assert.All(vectors, vector => Assert.Equal(vector.Slot, SlotHash.Of(vector.Pk).Value));
        Assert.All(vectors, vector => Assert.Equal(vector.Slot, SlotHash.Of(Encoding.UTF8.GetBytes(vector.Pk)).Value));
    }

    [Fact]
    public async Task Golden_vectors_hold_in_SQL()
    {
        await using var shard = await postgres.CreateShardAsync();
        foreach (var vector in ReadVectors())
            Assert.Equal(vector.Slot, await SlotInSql(shard, vector.Pk));
    }

    [Fact]
    public async Task SQL_and_CSharp_agree_on_any_key()
    {
        await using var shard = await postgres.CreateShardAsync();
        var keys = Gen.Sample(RingGenerators.Keys, 200);
        await using var command = shard.DataSource.CreateCommand("select array_agg(sharding.slot_of(pk) order by ord) from unnest($1) with ordinality as k(pk, ord)");
        command.Parameters.Add(new() { Value = keys.ToArray() });

        var slots = (short[])(await command.ExecuteScalarAsync())!;

        Assert.Equal(keys.Select(key => (short)SlotHash.Of(key).Value), slots);
    }

    [Fact]
    public void Keys_spread_evenly_over_the_slots()
    {
        const int keys = 1_000_000;
        var counts = new int[Slot.Count];
        for (var i = 0; i < keys; i++)
            counts[SlotHash.Of($"user:{i}").Value]++;

        // Chi-squared with 16,383 degrees of freedom: mean 16,383, standard deviation 181; the keys are fixed, so is the result.
        const double expected = (double)keys / Slot.Count;
        Assert.InRange(counts.Sum(count => (count - expected) * (count - expected) / expected), 15_500, 17_300);
    }

    private static async Task<int> SlotInSql(TestDatabase shard, string pk)
    {
        await using var command = shard.DataSource.CreateCommand("select sharding.slot_of($1)::integer");
        command.Parameters.Add(new() { Value = pk });
        return (int)(await command.ExecuteScalarAsync())!;
    }

    private static Vector[] ReadVectors()
    {
        using var stream = typeof(SlotHashTests).Assembly.GetManifestResourceStream("slot-vectors.json")!;
        return JsonSerializer.Deserialize<Vector[]>(stream, JsonSerializerOptions.Web)!;
    }

    private sealed record Vector(string Pk, int Slot, string Note);
}
