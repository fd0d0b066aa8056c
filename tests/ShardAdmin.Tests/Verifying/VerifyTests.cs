using System.Text.Json;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Verifying;

public sealed class VerifyTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_sound_cluster_with_data_has_no_difference()
    {
        await using var cluster = await WithDataAsync();

        var run = await cluster.RunAsync("verify", "-o", "json");

        run.Succeeds();
        Assert.True(run.Json.GetProperty("ok").GetBoolean());
        Assert.Equal(1000, run.Json.GetProperty("rows").GetInt64());
        Assert.Equal(Slot.Count, run.Json.GetProperty("slotsChecked").GetInt32());
    }

    [Fact]
    public async Task A_row_in_the_slot_of_another_key_is_found_among_a_thousand()
    {
        await using var cluster = await WithDataAsync();
        await cluster.InsertItemAsync(1, "FR", slot: 100);

        var difference = Assert.Single(await DifferencesAsync(cluster));

        Assert.Equal(("row-misplaced", "s1", "100"), Brief(difference));
        Assert.Contains(SlotHash.Of("FR").ToString(), difference.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_in_a_slot_that_was_never_the_shards_is_found_and_so_is_one_in_no_slot_at_all()
    {
        await using var cluster = await WithDataAsync();
        var pk = Keys().First(key => SlotHash.Of(key).Value == 16_000 || SlotHash.Of(key).Value > 16_000);
        await cluster.InsertItemAsync(1, pk);
        await cluster.InsertItemAsync(1, "FR", slot: -7);

        var found = (await DifferencesAsync(cluster)).Select(Brief).ToArray();

        Assert.Contains(("row-in-foreign-slot", "s1", $"-7,{SlotHash.Of(pk)}"), found);
        Assert.Contains(("row-misplaced", "s1", "-7"), found);
    }

    [Fact]
    public async Task Rows_in_released_slots_are_residue_and_no_difference()
    {
        await using var cluster = await WithDataAsync();
        var pk = Keys().First(key => SlotHash.Of(key).Value > 16_000);
        await cluster.Database(1).ExecuteAsync($"insert into sharding.slot_ownership (slot, state, epoch, peer) values ({SlotHash.Of(pk)}, 'released', 1, 's2')");
        await cluster.InsertItemAsync(1, pk);

        var run = await cluster.RunAsync("verify", "-o", "json");

        run.Succeeds();
        var residue = Assert.Single(run.Json.GetProperty("residue").EnumerateArray());
        Assert.Equal(("s1", $"{SlotHash.Of(pk)}", 1L), (residue.GetProperty("shard").GetString(), residue.GetProperty("slots").GetString(), residue.GetProperty("rows").GetInt64()));
    }

    [Theory]
    [InlineData("delete from sharding.slot_ownership where slot between 20 and 22", "slot-unowned", "20-22")]
    [InlineData("insert into sharding.slot_ownership (slot, state, epoch) values (16383, 'owned', 1)", "slot-owned-twice", "16383")]
    public async Task Gaps_and_double_owners_are_found(string sabotage, string kind, string slots)
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.Database(1).ExecuteAsync(sabotage);

        var difference = Assert.Single(await DifferencesAsync(cluster));

        Assert.Equal((kind, null, slots), Brief(difference));
    }

    [Fact]
    public async Task A_ring_that_says_other_owners_than_the_shards_is_found()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.Database(1).ExecuteAsync("delete from sharding.slot_ownership where slot = 5");
        await cluster.Database(2).ExecuteAsync("insert into sharding.slot_ownership (slot, state, epoch) values (5, 'owned', 1)");

        Assert.Equal(("ring-disagrees", null, "5"), Brief(Assert.Single(await DifferencesAsync(cluster))));
        (await cluster.RunAsync("verify", "--slots", "6-16383")).Succeeds();
    }

    [Fact]
    public async Task A_ring_with_a_wrong_checksum_is_a_difference()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.PutRingTextAsync((await cluster.RingTextAsync())!.Replace("\"weight\":1", "\"weight\":2", StringComparison.Ordinal));

        var difference = Assert.Single(await DifferencesAsync(cluster));

        Assert.Equal("ring-unreadable", difference.GetProperty("kind").GetString());
        Assert.Contains("checksum", difference.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    private async Task<AdminCluster> WithDataAsync()
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        foreach (var number in new[] { 1, 2 })
            await cluster.Database(number).ExecuteAsync($"""
                insert into sharding.item select 1, now(), null, slot, 'c', pk, 'i', '{"{}"}'
                from (select g::text as pk, sharding.slot_of(g::text) as slot from generate_series(1, 1000) g) k
                where slot in (select slot from sharding.slot_ownership where state = 'owned')
                """);
        return cluster;
    }

    private static async Task<JsonElement[]> DifferencesAsync(AdminCluster cluster)
    {
        var run = await cluster.RunAsync("verify", "-o", "json");
        Assert.Equal(ExitCode.Differences, run.Exit);
        Assert.False(run.Json.GetProperty("ok").GetBoolean());
        Assert.Equal(ExitCode.Differences, (await cluster.RunAsync("verify")).Exit);
        return [.. run.Json.GetProperty("differences").EnumerateArray()];
    }

    private static (string? Kind, string? Shard, string? Slots) Brief(JsonElement difference) =>
        (difference.GetProperty("kind").GetString(), difference.GetProperty("shard").GetString(), difference.GetProperty("slots").GetString());

    private static IEnumerable<string> Keys() => Enumerable.Range(0, 1_000_000).Select(number => $"k{number}");
}
