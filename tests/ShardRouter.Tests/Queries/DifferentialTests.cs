using System.Globalization;
using System.Text.Json;
using FsCheck.Fluent;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>Random queries over one, three and eight shards give exactly what one Postgres gives with plain SQL.</summary>
public sealed class DifferentialTests(SharedPostgres postgres, SharedRedis redis)
{
    [Theory]
    [InlineData(3, true, 80)]
    [InlineData(8, true, 30)]
    [InlineData(8, false, 30)]
    [InlineData(1, true, 1000, Traits = ["Category", "Long"])]
    [InlineData(3, false, 1000, Traits = ["Category", "Long"])]
    [InlineData(3, true, 1000, Traits = ["Category", "Long"])]
    [InlineData(8, true, 1000, Traits = ["Category", "Long"])]
    public async Task Pages_and_counts_are_those_of_one_Postgres(int shards, bool indexed, int queries)
    {
        await using var cluster = await QueryCluster.CreateAsync(postgres, redis, shards, indexed);
        foreach (var query in RandomQueries.Query.Sample(queries, 120))
            await SameAsync(cluster, query);
        Assert.Equal(indexed, cluster.ByIndex > queries / 10);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task They_are_also_while_slots_move(bool indexed)
    {
        await using var cluster = await QueryCluster.CreateAsync(postgres, redis, 3, indexed);
        using var stop = new CancellationTokenSource();
        var moves = MoveAsync(cluster, stop.Token);

        foreach (var query in RandomQueries.Query.Sample(30, 60))
            await SameAsync(cluster, query);

        await stop.CancelAsync();
        Assert.True(await moves > 2, "Nothing moved.");
    }

    [Theory]
    [InlineData(3, true, 15)]
    [InlineData(1, false, 40, Traits = ["Category", "Long"])]
    [InlineData(3, false, 40, Traits = ["Category", "Long"])]
    public async Task Groups_and_what_is_computed_of_them_are_those_of_one_Postgres(int shards, bool indexed, int queries)
    {
        await using var cluster = await QueryCluster.CreateAsync(postgres, redis, shards, indexed);
        foreach (var query in RandomQueries.Query.Sample(queries, 40))
            foreach (var group in new[] { null, "b", "a", "o.c" })
                await SameGroupsAsync(cluster, query, group);
    }

    private static async Task SameAsync(QueryCluster cluster, RandomQuery query)
    {
        var (expected, answered) = (await cluster.ExpectedAsync(query), await cluster.AnswerAsync(query));
        Assert.True(
            expected.SequenceEqual(answered),
            $"{query}\nSQL: {query.Where}\nexpected {expected.Count}: {string.Join(' ', expected)}\n"
            + $"answered {answered.Count}: {string.Join(' ', answered)}");
        Assert.True(expected.Count == await cluster.CountAsync(query), $"{query}: {expected.Count}");
    }

    private static async Task SameGroupsAsync(QueryCluster cluster, RandomQuery query, string? group)
    {
        var number = $"case when jsonb_typeof({RandomQueries.Sql("a")}) = 'number' then {RandomQueries.Sql("a")}::numeric end";
        var key = group is null ? "null" : $$"""
            case jsonb_typeof({{RandomQueries.Sql(group)}}) when 'number' then trim_scale({{RandomQueries.Sql(group)}}::numeric)::text
                when 'string' then {{RandomQueries.Sql(group)}}::text when 'boolean' then {{RandomQueries.Sql(group)}}::text else 'null' end
            """;
        var expected = await cluster.OracleAsync($"""
            select coalesce(json_agg(json_build_array(k, c, s, least_, most, have) order by k collate "C"), '[]')::text from (
                select {key} as k, count(*) as c, trim_scale(sum({number}))::text as s, trim_scale(min({number}))::text as least_, trim_scale(max({number}))::text as most,
                       count(*) filter (where jsonb_typeof({RandomQueries.Sql("b")}) <> 'null') as have
                from oracle where {query.Where} {(group is null ? "" : "group by 1")}) o
            """);
        var reply = (await cluster.Items.Api.PostAsync(cluster.Items.Address + ":aggregate", $$"""
            {"allowScan":true{{(query.Filter is null ? "" : ",\"filter\":" + query.Filter)}},"groupBy":[{{(group is null ? "" : $"\"{group}\"")}}],
             "aggregates":[{"op":"count"},{"op":"sum","path":"a"},{"op":"min","path":"a","as":"least"},{"op":"max","path":"n"},{"op":"count","path":"b","as":"have"},{"op":"avg","path":"a"}]}
            """)).Expect(200);
        var answered = reply.Json.GetProperty("groups").EnumerateArray().Select(each => (
            Key: group is null ? "null" : each.GetProperty("key").GetProperty(group).GetRawText(), Count: each.GetProperty("count").GetInt64(),
            Sum: Raw(each.GetProperty("sum(a)")), Have: each.GetProperty("have").GetInt64(), Average: each.GetProperty("avg(a)"))).ToList();
        var wanted = JsonElement.Parse(expected).EnumerateArray().Select(each => (
            Key: group is null ? "null" : each[0].GetString()!, Count: each[1].GetInt64(), Sum: each[2].GetString(), Have: each[5].GetInt64())).ToList();
        Assert.Equal(
            wanted.Select(each => $"{Meaning(each.Key)} {each.Count} {each.Sum} {each.Have}").Order(StringComparer.Ordinal),
            answered.Select(each => $"{Meaning(each.Key)} {each.Count} {each.Sum} {each.Have}").Order(StringComparer.Ordinal));
    }

    private static string? Raw(JsonElement value) => value.ValueKind == JsonValueKind.Null ? null : value.GetRawText();

    /// <summary>The key's text in one spelling.</summary>
    private static string Meaning(string json) => json[0] == '"' ? "text " + JsonElement.Parse(json).GetString() : json;

    private static async Task<int> MoveAsync(QueryCluster cluster, CancellationToken stop)
    {
        var moves = 0;
        for (; !stop.IsCancellationRequested; moves++)
        {
            var pk = QueryCluster.Partitions[moves % 5];
            var owner = cluster.Cluster.Ring.OwnerOf(SlotHash.Of(pk)).Id.Value;
            var move = await HandOver.RunAsync(cluster.Cluster, pk, owner == "s1" ? "s2" : owner == "s2" ? "s3" : "s1");
            await move.PublishAsync();
            await Task.Delay(20, CancellationToken.None);
        }
        return moves;
    }
}
