using System.Globalization;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>A scan over shards that have every eighth slot each: the neighbours of a slot are all elsewhere. Postgres counts what it reads.</summary>
public sealed class ScanCostTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int ShardCount = 8;

    private const int Limit = 100;

    /// <summary>Its eighth part is enough for any round: no page ends early on a busy machine.</summary>
    private static readonly (string, string) Patience = ("Request-Timeout", "30");

    /// <summary>More than this for each row of the answer, and a page would be read twice over.</summary>
    private const double MostRowsForOne = 2.5;

    [Theory]
    [InlineData(2_000, 1)] // most slots are empty
    [InlineData(6_000, 3)] // about one item a slot
    [InlineData(50, 300)] // few slots, of several pages each
    public async Task A_page_reads_little_more_than_it_shows(int partitions, int itemsOfEach)
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, ShardCount);
        await InterleaveAsync(cluster);
        await using (var first = await cluster.StartRouterAsync())
        {
            var items = await ApiCollection.CreateAsync(first.Api);
            await FillAsync(cluster, items.Name, partitions, itemsOfEach);
        }
        foreach (var isQuery in new[] { false, true })
        {
            var before = await RowsReadAsync(cluster);
            var pages = await ReadAllAsync(cluster, isQuery, partitions * itemsOfEach);
            var read = await RowsReadAsync(cluster) - before;

            Assert.InRange(pages, partitions * itemsOfEach / Limit, (partitions * itemsOfEach / Limit) + 1);
            Assert.InRange((double)read / (partitions * itemsOfEach), 1, MostRowsForOne);
        }
    }

    /// <summary>A statement that compared each slot with a text of two thousand ranges took a minute here.</summary>
    [Fact]
    public async Task Queries_and_counts_take_no_longer_when_slots_are_scattered()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, ShardCount);
        await InterleaveAsync(cluster);
        await using var router = await cluster.StartRouterAsync();
        var items = await ApiCollection.CreateAsync(router.Api);
        await FillAsync(cluster, items.Name, partitions: 1_000, itemsOfEach: 1);

        var page = (await router.Api.PostAsync(items.Address + ":query", """{"orderBy":[{"path":"n"}],"limit":1000,"allowScan":true}""", Patience)).Expect(200);
        var count = (await router.Api.PostAsync(items.Address + ":count", """{"allowScan":true}""", Patience)).Expect(200);
        var estimate = (await router.Api.PostAsync(items.Address + ":count", """{"count":"estimated"}""", Patience)).Expect(200);

        Assert.Equal(1_000, page.Json.GetProperty("items").GetArrayLength());
        Assert.Equal(1_000, count.Json.GetProperty("count").GetInt64());
        Assert.InRange(estimate.Json.GetProperty("count").GetInt64(), 900, 1_100);
    }

    /// <summary>The router's sessions end with it, and then they tell what they have counted.</summary>
    private static async Task<int> ReadAllAsync(SeededCluster cluster, bool isQuery, int expected)
    {
        await using var router = await cluster.StartRouterAsync();
        var items = await router.Api.GetAsync("/v1/collections");
        var address = "/v1/collections/" + items.Expect(200).Json.GetProperty("collections")[0].GetProperty("name").GetString();
        var (pages, count, cursor) = (0, 0, (string?)null);
        do
        {
            var page = (isQuery
                ? await router.Api.PostAsync(address + ":query", $$"""{"limit":{{Limit}}{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}""", Patience)
                : await router.Api.GetAsync($"{address}/items?scope=all&limit={Limit}{(cursor is null ? "" : "&cursor=" + cursor)}", Patience)).Expect(200);
            (pages, count, cursor) = (pages + 1, count + page.Json.GetProperty("items").GetArrayLength(), page.Next());
            Assert.True(pages < 10_000, "The pages never end.");
        }
        while (cursor is not null);
        Assert.Equal(expected, count);
        return pages;
    }

    private static async Task InterleaveAsync(SeededCluster cluster)
    {
        for (var shard = 0; shard < ShardCount; shard++)
            await cluster.Shards[shard].Database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"""
                truncate sharding.slot_ownership;
                insert into sharding.slot_ownership (slot, state, epoch) select s, 'owned', 1 from generate_series(0, {Slot.Count - 1}) s where s % {ShardCount} = {shard}
                """));
        for (var shard = 0; shard < ShardCount; shard++)
            await cluster.PublishNextAsync(Slot.All.Where(slot => slot.Value % ShardCount == shard), cluster.Shards[shard].Id);
    }

    private static async Task FillAsync(SeededCluster cluster, string collection, int partitions, int itemsOfEach)
    {
        for (var shard = 0; shard < ShardCount; shard++)
            await cluster.Shards[shard].Database.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $$"""
                insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
                select 1, now(), sharding.slot_of(pk), '{{collection}}', pk, 'i' || n, jsonb_build_object('n', n)
                from (select 'pk-' || p as pk from generate_series(1, {{partitions}}) p) p, generate_series(1, {{itemsOfEach}}) n
                where sharding.slot_of(pk) % {{ShardCount}} = {{shard}};
                analyze sharding_items."{{collection}}"
                """));
    }

    private static async Task<long> RowsReadAsync(SeededCluster cluster)
    {
        var rows = 0L;
        foreach (var shard in cluster.Shards)
        {
            shard.Database.DataSource.Clear();
            await Eventually.ThatAsync(
                async () => await shard.Database.ScalarAsync<long>("""
                    select count(*) from pg_stat_activity
                    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
                    """) == 0,
                TimeSpan.FromSeconds(20), "the sessions of the router are over");
            rows += await shard.Database.ScalarAsync<long>(
                "select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int8 from pg_stat_all_tables where schemaname = 'sharding_items'");
        }
        return rows;
    }
}
