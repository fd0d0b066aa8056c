using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>A query over all shards while one of them is away.</summary>
public sealed class QueryFaultTests(ShardFaultCluster own) : IClassFixture<ShardFaultCluster>
{
    [Fact]
    public async Task A_shard_that_is_away_is_named_and_left_out_only_where_that_is_wanted()
    {
        var here = own.Cluster.PartitionOf("s1", 3);
        (await own.Items.PutAsync(here, "here", """{"n":1}""")).Expect(201);
        (await own.Items.PutAsync(own.Cluster.PartitionOf("s2", 3), "away", """{"n":1}""")).Expect(201);
        await own.ServerOf("s2").PauseAsync();
        try
        {
            await Eventually.ThatAsync(
                async () => (await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":1}}}""")).Status == 503, TimeSpan.FromSeconds(15), "the query is refused");
            var refused = (await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":1}}}""")).ExpectProblem(503, "shard-unavailable");
            Assert.Contains("Shard s2 ", refused.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);

            var partial = (await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":1}}}""", ("Prefer", "partial-results"))).Expect(200);
            Assert.Equal(["here"], partial.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString()));
            Assert.Equal(["s2"], partial.Json.GetProperty("incomplete").EnumerateArray().Select(shard => shard.GetString()));
            Assert.False(partial.Json.GetProperty("fanOut").GetProperty("complete").GetBoolean());

            (await QueryAsync($$$"""{"partition":"{{{here}}}","filter":{"n":{"eq":1} } }""")).Expect(200);
            (await ScanAsync("1/1")).ExpectProblem(503, "shard-unavailable");
            Assert.Equal(["s2"], (await ScanAsync("1/1", ("Prefer", "partial-results"))).Expect(200).Json.GetProperty("incomplete").EnumerateArray().Select(shard => shard.GetString()));
            Assert.False((await ScanAsync("1/4")).Expect(200).Json.TryGetProperty("incomplete", out _)); // its slots are those of s1 alone
        }
        finally
        {
            await own.ServerOf("s2").ResumeAsync();
            await own.RecoversAsync("s2");
        }
        Assert.Equal(2, (await QueryAsync("""{"allowScan":true,"filter":{"n":{"eq":1}}}""")).Expect(200).Json.GetProperty("items").GetArrayLength());
    }

    private Task<ApiReply> ScanAsync(string segment, params (string Name, string Value)[] headers) =>
        own.Items.Api.GetAsync($"{own.Items.Address}/items?scope=all&segment={segment}", headers);

    private Task<ApiReply> QueryAsync(string body, params (string Name, string Value)[] headers) =>
        own.Items.Api.PostAsync(own.Items.Address + ":query", body, headers);
}
