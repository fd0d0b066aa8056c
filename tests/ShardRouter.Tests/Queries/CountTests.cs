using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>Numbers of items that nobody counts, and those that a page has.</summary>
public sealed class CountTests(RouterFixture fixture) : RouterTests(fixture)
{
    private const int Partitions = 300;

    private const int ItemsOfEach = 10;

    private const int All = Partitions * ItemsOfEach;

    private Task<ApiReply> CountAsync(string body) => Api.PostAsync(Items.Address + ":count", body);

    private Task<ApiReply> QueryAsync(string body) => Api.PostAsync(Items.Address + ":query", body);

    private static (long Count, string? Kind) CountOf(ApiReply reply) =>
        (reply.Expect(200).Json.GetProperty("count").GetInt64(), reply.Json.GetProperty("countKind").GetString());

    [Fact]
    public async Task An_estimate_is_near_what_there_is_and_needs_no_leave_to_read_everything()
    {
        await FillAsync();
        await ForEachShardAsync($"analyze sharding_items.\"{Items.Name}\"");

        foreach (var (body, least, most) in new[]
        {
            ("""{"count":"estimated"}""", All * 0.9, All * 1.1),
            ("""{"count":"estimated","filter":{"open":{"eq":true}}}""", All * 0.15, All * 0.35), // it is a quarter
            ("""{"count":"estimated","filter":{"not":{"open":{"eq":true}}}}""", All * 0.65, All * 0.85),
            ("""{"count":"estimated","filter":{"open":{"eq":"never"}}}""", 0, All * 0.04),
            ("""{"count":"estimated","partition":"pk-7"}""", 1, 60),
            ("""{"count":"estimated","id":{"lt":"i4"}}""", All * 0.2, All * 0.6), // it is 0.4
        })
        {
            var reply = await CountAsync(body);
            Assert.True(CountOf(reply) is ({ } count, "estimated") && count >= least && count <= most, $"{body}: {reply.Text}");
        }
        Assert.Equal((All, "exact"), CountOf(await CountAsync("""{"allowScan":true}""")));
        Assert.Equal((All, "exact"), CountOf(await CountAsync("""{"allowScan":true,"count":"exact"}""")));
    }

    [Fact]
    public async Task Before_the_table_was_analyzed_an_estimate_goes_by_what_was_written()
    {
        await FillAsync();

        await Eventually.ThatAsync(
            async () => CountOf(await CountAsync("""{"count":"estimated"}""")).Count is > All * 9 / 10 and < All * 11 / 10,
            TimeSpan.FromSeconds(20), "Postgres has counted what was inserted");
    }

    [Fact]
    public async Task An_estimate_of_a_partition_is_asked_of_its_shard_alone()
    {
        var one = (await CountAsync("""{"count":"estimated","partition":"p"}""")).Expect(200);

        Assert.Equal(0, one.Json.GetProperty("count").GetInt64());
        Assert.Equal(
            Cluster.Ring.OwnerOf(SlotHash.Of("p")).Id.Value,
            Assert.Single(one.Json.GetProperty("fanOut").GetProperty("shards").EnumerateArray()).GetString());
    }

    [Theory]
    [InlineData("estimated", false)]
    [InlineData("exact", true)]
    public async Task The_first_page_has_the_number_and_the_others_do_not_count_again(string kind, bool isScan)
    {
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, 5).Select(i => ($"i{i}", "{}")));
        var allow = isScan ? ",\"allowScan\":true" : "";

        var first = (await QueryAsync($$"""{"count":"{{kind}}","limit":2{{allow}}}""")).Expect(200);
        var second = (await QueryAsync($$"""{"count":"{{kind}}","limit":2{{allow}},"cursor":"{{first.Next()}}"}""")).Expect(200);

        Assert.Equal(kind, CountOf(first).Kind);
        Assert.Equal(["s1", "s2", "s3"], first.Json.GetProperty("fanOut").GetProperty("shards").EnumerateArray().Select(shard => shard.GetString()));
        if (kind == "exact")
            Assert.Equal(5, CountOf(first).Count);
        Assert.False(second.Json.TryGetProperty("count", out _));
        Assert.False(second.Json.TryGetProperty("countKind", out _));
    }

    [Fact]
    public async Task What_cannot_be_counted_is_refused()
    {
        (await CountAsync("""{"count":"none"}""")).ExpectProblem(400, "invalid-json");
        (await CountAsync("""{"count":"exact"}""")).ExpectProblem(400, "unindexed-query");
        (await QueryAsync("""{"count":"estimated","filter":{"n":{"eq":1}}}""")).ExpectProblem(400, "unindexed-query"); // its page reads everything
        (await Api.PostAsync("/v1/collections/nobody:count", """{"count":"estimated"}""")).ExpectProblem(404, "collection-not-found");
        (await Api.PostAsync("/v1/collections/nobody:count", """{"count":"estimated","filter":{"n":{"eq":1}}}""")).ExpectProblem(404, "collection-not-found");
    }

    private async Task FillAsync()
    {
        foreach (var shard in Cluster.Shards)
            await shard.Database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $$"""
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select 1, now(), sharding.slot_of(pk), '{{Items.Name}}', pk, 'i' || n, jsonb_build_object('of', pk, 'n', n, 'open', (p + n) % 4 = 0)
                from (select p, 'pk-' || p as pk from generate_series(1, {{Partitions}}) p) p, generate_series(0, {{ItemsOfEach - 1}}) n
                where sharding.slot_of(pk) in (select slot from sharding.slot_ownership where state = 'owned')
                """));
    }

    private async Task ForEachShardAsync(string sql)
    {
        foreach (var shard in Cluster.Shards)
            await shard.Database.ExecuteAsync(sql);
    }
}
