using ShardCore.Ring;
using ShardRouter.Keys;
using ShardRouter.Queries;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

public sealed class ScanTests(RouterFixture fixture) : RouterTests(fixture)
{
    private Task<ApiReply> ScanAsync(string query, params (string Name, string Value)[] headers) => Api.GetAsync($"{Items.Address}/items?{query}", headers);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(1023)]
    [InlineData(1024)]
    public void The_segments_of_a_division_have_each_slot_once_in_order(int of)
    {
        var end = 0;
        for (var number = 1; number <= of; number++)
        {
            var slots = Segment.Parse($"{number}/{of}")!.Slots;
            Assert.Equal(end, slots.First().Value);
            Assert.Equal(slots.Count, slots.Last().Value - slots.First().Value + 1);
            Assert.InRange(slots.Count, Slot.Count / of, (Slot.Count / of) + 1);
            end = slots.Last().Value + 1;
        }
        Assert.Equal(Slot.Count, end);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1000)]
    [InlineData(3, 7)]
    [InlineData(64, 2)]
    public async Task The_segments_together_have_each_item_once_in_the_order_of_slots(int segments, int limit)
    {
        string[] strange = ["a/b", "é", "e\u0301", "\ue000", "😀", " blank ", "%2F", "\u0001", "\"\\"];
        var expected = Enumerable.Range(0, 60).Select(i => $"pk-{i}").Concat(strange)
            .SelectMany((pk, i) => Enumerable.Range(0, (i % 4) + 1).Select(n => (Pk: pk, Id: $"i{n}"))).ToArray();
        foreach (var partition in expected.GroupBy(each => each.Pk))
            await Pages.PutAllAsync(Items, partition.Key, partition.Select(each => (each.Id, """{"a":1,"b":2}""")));

        var scanned = new List<(string, string)>();
        for (var number = 1; number <= segments; number++)
            scanned.AddRange(await AllAsync(Items, $"scope=all&segment={number}/{segments}&limit={limit}"));

        Assert.Equal(InOrder(expected), scanned);
    }

    [Fact]
    public async Task The_longest_keys_of_any_characters_fit_into_a_cursor()
    {
        string[] keys = [new('x', 1024), new('é', 512), string.Concat(Enumerable.Repeat("😀", 256)), new('\u0001', 1024), new('"', 1024)];
        foreach (var pk in keys)
            await Pages.PutAllAsync(Items, pk, keys.Select(id => (id, """{"n":1}""")));

        Assert.Equal(InOrder(keys.SelectMany(pk => keys.Select(id => (pk, id)))), await AllAsync(Items, "scope=all&limit=1"));
        string? cursor = null;
        for (var page = 1; page <= keys.Length * keys.Length; page++) // in an order, a cursor has the values of the order too
        {
            var reply = (await Api.PostAsync(Items.Address + ":query", $$"""
                {"allowScan":true,"orderBy":[{"path":"n"}],"limit":1{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}
                """)).Expect(200);
            cursor = reply.Next();
            Assert.Equal(page < keys.Length * keys.Length, cursor is not null);
        }
    }

    [Fact]
    public async Task A_scan_has_the_form_of_a_query_and_says_which_shards_it_asked()
    {
        foreach (var pk in Enumerable.Range(0, 30))
            (await Items.PutAsync($"pk-{pk}", "i", """{"a":1,"b":2}""")).Expect(201);

        var all = (await ScanAsync("scope=all&select=a", ("Prefer", "shard-route"))).Expect(200);
        var first = (await ScanAsync("scope=all&segment=1/4&limit=1", ("Prefer", "shard-route"))).Expect(200); // the first shard has the first third of the slots

        Assert.Equal(30, all.Json.GetProperty("items").GetArrayLength());
        JsonAssert.Equal("""{"a":1}""", all.Json.GetProperty("items")[0].GetProperty("doc"));
        Assert.Equal(["s1", "s2", "s3"], Shards(all));
        Assert.StartsWith("shards=s1,s2,s3;", all["Shard-Route"], StringComparison.Ordinal);
        Assert.False(all.Json.TryGetProperty("stopReason", out _));
        Assert.Equal(["s1"], Shards(first));
        Assert.StartsWith("shards=s1;", first["Shard-Route"], StringComparison.Ordinal);
        Assert.Equal("limit", first.Json.GetProperty("stopReason").GetString());
        Assert.Contains("slot", first.Json.GetProperty("fanOut").GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.True(first.Json.GetProperty("fanOut").GetProperty("complete").GetBoolean());
    }

    [Theory]
    [InlineData("", "scope=all")]
    [InlineData("segment=1/2", "scope=all")]
    [InlineData("scope=one", "all")]
    [InlineData("scope=all&scope=all", "more than once")]
    [InlineData("scope=all&segment=0/2", "k/n")]
    [InlineData("scope=all&segment=3/2", "k/n")]
    [InlineData("scope=all&segment=1/1025", "k/n")]
    [InlineData("scope=all&segment=-1/2", "k/n")]
    [InlineData("scope=all&segment=1", "k/n")]
    [InlineData("scope=all&segment=1/2/3", "k/n")]
    [InlineData("scope=all&segment=", "k/n")]
    [InlineData("scope=all&limit=0", "1 to 1000")]
    [InlineData("scope=all&limit=1001", "1 to 1000")]
    [InlineData("scope=all&select=a..b", "paths")]
    [InlineData("scope=all&f.a=eq.1", "no such parameter")]
    public async Task What_cannot_be_understood_is_refused_and_the_refusal_says_why(string query, string why) => Assert.Contains(
        why, (await ScanAsync(query)).ExpectProblem(400, "invalid-parameter").Json.GetProperty("detail").GetString(), StringComparison.Ordinal);

    [Fact]
    public async Task A_cursor_is_of_its_collection_and_segment()
    {
        foreach (var pk in Enumerable.Range(0, 10))
            (await Items.PutAsync($"pk-{pk}", "i", "{}")).Expect(201);
        var other = await ApiCollection.CreateAsync(Api);
        var next = (await ScanAsync("scope=all&limit=2")).Expect(200).Next()!;
        var forged = next[..20] + (next[20] == 'A' ? 'B' : 'A') + next[21..];

        Assert.Equal(8, (await ScanAsync($"scope=all&segment=1/1&select=a&limit=1000&cursor={next}")).Expect(200).Json.GetProperty("items").GetArrayLength());
        foreach (var address in new[] { $"{Items.Address}/items?scope=all&segment=1/2&cursor={next}", $"{other.Address}/items?scope=all&cursor={next}", $"{Items.Address}/items?scope=all&cursor={forged}" })
            (await Api.GetAsync(address)).ExpectProblem(400, "invalid-cursor");
        (await Api.PostAsync(Items.Address + ":query", $$"""{"cursor":"{{next}}"}""")).ExpectProblem(400, "invalid-cursor");
    }

    [Fact]
    public async Task A_collection_that_nobody_created_is_not_found() =>
        (await Api.GetAsync("/v1/collections/nobody/items?scope=all")).ExpectProblem(404, "collection-not-found");

    [Fact]
    public async Task A_session_sees_what_it_wrote_and_is_told_what_was_lost()
    {
        var token = (await Items.PutAsync("session", "i", "{}", ("Read-Consistency", "session"))).Expect(201)["Session-Token"]!;
        var owner = Cluster.Ring.OwnerOf(SlotHash.Of("session")).Id;

        var scanned = (await ScanAsync("scope=all", ("Session-Token", token))).Expect(200);

        Assert.Equal(["i"], scanned.Ids());
        Assert.Contains($".{owner}:", scanned["Session-Token"], StringComparison.Ordinal);
        var lost = ("Session-Token", $"1.1.{owner}:1:FFFFFFFF00000000");
        (await ScanAsync("scope=all", lost)).ExpectProblem(409, "session-lost");
        (await Api.PostAsync(Items.Address + ":query", "{}", lost)).ExpectProblem(409, "session-lost");
        (await Api.PostAsync(Items.Address + ":count", """{"allowScan":true}""", lost)).ExpectProblem(409, "session-lost");
    }

    [Theory]
    [InlineData("""{"limit":3}""")]
    [InlineData("""{"allowScan":true,"filter":{"n":{"gte":4}},"orderBy":[{"path":"n","dir":"desc"}],"select":["n"],"limit":2,"count":"exact"}""")]
    [InlineData("""{"partition":"pk-1"}""")]
    [InlineData("""{"filter":{"n":{"gte":4}}}""")]
    [InlineData("""{"limit":0}""")]
    [InlineData("[]")]
    public async Task The_method_QUERY_is_answered_as_POST_is(string body)
    {
        foreach (var n in Enumerable.Range(0, 9))
            (await Items.PutAsync($"pk-{n}", "i", $$"""{"n":{{n}}}""")).Expect(201);

        var posted = await Api.PostAsync(Items.Address + ":query", body, ("Prefer", "shard-route"), ("Request-Id", "same"));
        var queried = await Api.SendJsonAsync("QUERY", Items.Address + "/items", body, ("Prefer", "shard-route"), ("Request-Id", "same"));

        Assert.Equal((posted.Status, posted.Text, posted["Shard-Route"]), (queried.Status, queried.Text, queried["Shard-Route"]));
        if (posted.Status == 200 && posted.Next() is { } next)
            Assert.NotEmpty((await Api.SendJsonAsync("QUERY", Items.Address + "/items", body[..^1] + $",\"cursor\":\"{next}\"}}")).Expect(200).Ids());
    }

    /// <returns>The items of all pages.</returns>
    internal static async Task<List<(string Pk, string Id)>> AllAsync(ApiCollection items, string query)
    {
        var all = new List<(string, string)>();
        string? cursor = null;
        for (var pages = 0; pages < 10_000; pages++)
        {
            var page = (await items.Api.GetAsync($"{items.Address}/items?{query}{(cursor is null ? "" : "&cursor=" + cursor)}")).Expect(200);
            all.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(item => (item.GetProperty("pk").GetString()!, item.GetProperty("id").GetString()!)));
            if ((cursor = page.Next()) is null)
                return all;
        }
        throw new InvalidOperationException("The pages never end.");
    }

    private static IEnumerable<(string Pk, string Id)> InOrder(IEnumerable<(string Pk, string Id)> items) =>
        items.OrderBy(each => SlotHash.Of(each.Pk).Value).ThenBy(each => each.Pk, KeyOrder.Comparer).ThenBy(each => each.Id, KeyOrder.Comparer);

    private static string[] Shards(ApiReply reply) =>
        [.. reply.Json.GetProperty("fanOut").GetProperty("shards").EnumerateArray().Select(shard => shard.GetString()!)];
}
