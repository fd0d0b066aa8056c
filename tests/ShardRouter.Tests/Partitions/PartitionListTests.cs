using ShardCore.Ring;
using ShardRouter.Keys;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Partitions;

public sealed class PartitionListTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Every_partition_of_every_shard_is_listed_once_with_its_items(int limit)
    {
        string[] strange = ["a/b", "é", "e\u0301", "\ue000", "😀", " blank ", "%2F", "\u0001", new('x', 1024)];
        var expected = Enumerable.Range(0, 60).Select(i => $"pk-{i}").Concat(strange).Select((pk, i) => (Pk: pk, Items: (i % 3) + 1)).ToArray();
        foreach (var (pk, items) in expected)
            await Pages.PutAllAsync(Items, pk, Enumerable.Range(0, items).Select(i => ($"i{i}", """{"t":"x"}""")));

        var listed = await AllAsync(Items, $"limit={limit}");

        Assert.Equal(InOrder(expected.Select(each => each.Pk)), listed.Select(each => each.Pk));
        Assert.Equal(expected.ToDictionary(each => each.Pk, each => (long)each.Items), listed.ToDictionary(each => each.Pk, each => each.Items));
        Assert.All(listed, each => Assert.InRange(each.Bytes, each.Items * 50, each.Items * 5_000));
    }

    [Fact]
    public async Task A_prefix_keeps_the_keys_that_begin_with_it()
    {
        foreach (var pk in new[] { "t1:a", "t1:b", "t1", "t10:a", "t2:a" })
            (await Items.PutAsync(pk, "i", "{}")).Expect(201);

        Assert.Equal(InOrder(["t1:a", "t1:b"]), (await AllAsync(Items, "prefix=t1%3A&limit=1")).Select(each => each.Pk));
        Assert.Empty(await AllAsync(Items, "prefix=t3"));
    }

    [Fact]
    public async Task Partitions_of_other_collections_and_expired_items_do_not_count()
    {
        var other = await ApiCollection.CreateAsync(Api);
        (await other.PutAsync("other", "i", "{}")).Expect(201);
        (await Items.PutAsync("gone", "i", "{}", ("Item-TTL", "1"))).Expect(201);
        (await Items.PutAsync("half", "gone", "{}", ("Item-TTL", "1"))).Expect(201);
        (await Items.PutAsync("half", "i", "{}")).Expect(201);
        await Eventually.ThatAsync(async () => (await Items.GetAsync("half", "gone")).Status == 404, TimeSpan.FromSeconds(5), "the item has expired");

        Assert.Equal([("half", 1L)], (await AllAsync(Items, "")).Select(each => (each.Pk, each.Items)));
    }

    [Theory]
    [InlineData("limit=0", "invalid-parameter")]
    [InlineData("limit=1001", "invalid-parameter")]
    [InlineData("limit=1&limit=2", "invalid-parameter")]
    [InlineData("prefix=", "invalid-key")]
    [InlineData("prefix=%00", "invalid-key")]
    [InlineData("prefix=%FF", "invalid-parameter")]
    [InlineData("pk=x", "invalid-parameter")]
    [InlineData("cursor=AAAA", "invalid-cursor")]
    public async Task A_query_that_cannot_be_understood_is_refused(string query, string code) =>
        (await Api.GetAsync($"{Items.Address}/partitions?{query}")).ExpectProblem(400, code);

    [Fact]
    public async Task A_cursor_is_of_its_collection_and_prefix_and_cannot_be_forged()
    {
        (await Items.PutAsync("a1", "i", "{}")).Expect(201);
        (await Items.PutAsync("a2", "i", "{}")).Expect(201);
        var other = await ApiCollection.CreateAsync(Api);
        var next = (await Api.GetAsync($"{Items.Address}/partitions?limit=1")).Expect(200).Next()!;
        var forged = next[..20] + (next[20] == 'A' ? 'B' : 'A') + next[21..];

        foreach (var address in new[] { $"{Items.Address}/partitions?prefix=a&cursor={next}", $"{other.Address}/partitions?cursor={next}", $"{Items.Address}/partitions?cursor={forged}" })
            (await Api.GetAsync(address)).ExpectProblem(400, "invalid-cursor");
        (await Items.ListAsync("a1", $"cursor={next}")).ExpectProblem(400, "invalid-cursor"); // a cursor of another kind
    }

    [Fact]
    public async Task A_collection_that_nobody_created_is_not_found() =>
        (await Api.GetAsync("/v1/collections/nobody/partitions")).ExpectProblem(404, "collection-not-found");

    internal static async Task<List<(string Pk, long Items, long Bytes)>> AllAsync(ApiCollection items, string query)
    {
        var all = new List<(string, long, long)>();
        string? cursor = null;
        for (var pages = 0; pages < 1000; pages++)
        {
            var page = (await items.Api.GetAsync($"{items.Address}/partitions?{query}{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
            all.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(each => (
                each.GetProperty("pk").GetString()!, each.GetProperty("items").GetInt64(), each.GetProperty("bytes").GetInt64())));
            if ((cursor = page.Next()) is null)
                return all;
        }
        throw new InvalidOperationException("The pages never end.");
    }

    internal static IEnumerable<string> InOrder(IEnumerable<string> keys) =>
        keys.OrderBy(key => SlotHash.Of(key).Value).ThenBy(key => key, KeyOrder.Comparer);
}
