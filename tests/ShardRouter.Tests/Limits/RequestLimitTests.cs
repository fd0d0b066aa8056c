using ShardRouter.Tests.Access;
using TestCluster;

namespace ShardRouter.Tests.Limits;

/// <summary>A router with limits; what it answers to who asks for too much, and that others do not notice.</summary>
public sealed class RequestLimitTests(GuardedCluster guarded) : IClassFixture<GuardedCluster>
{
    [Fact]
    public async Task A_key_that_asks_for_too_much_is_refused_and_others_are_not()
    {
        await using var router = await guarded.Cluster.StartRouterAsync(GuardedCluster.Guarded, ("SHARDING_CALLER_RATE", "5"));
        using var greedy = router.As((await guarded.Cluster.CreateKeyAsync()).Text);
        using var modest = router.As((await guarded.Cluster.CreateKeyAsync()).Text);

        var replies = await ManyAsync(40, () => greedy.GetAsync("/v1/collections"));

        var refused = replies.First(reply => reply.Status == 429).ExpectProblem(429, "rate-limited");
        Assert.Contains(replies, reply => reply.Status == 200);
        Assert.Equal("\"caller\";q=5;w=1", refused["RateLimit-Policy"]);
        Assert.StartsWith("\"caller\";r=0;t=1", refused["RateLimit"], StringComparison.Ordinal);
        Assert.Equal("1", refused["Retry-After"]);
        Assert.True(refused.Json.GetProperty("retryable").GetBoolean());
        Assert.Matches("^\"caller\";r=[0-4];t=1$", (await modest.GetAsync("/v1/collections")).Expect(200)["RateLimit"]);
        Assert.Equal(replies.Count(reply => reply.Status == 429), await router.MetricAsync("sharding_limits_refused_total", "limit=\"caller\""));
        await Eventually.ThatAsync(
            async () => (await greedy.GetAsync("/v1/collections")).Status == 200, TimeSpan.FromSeconds(10), "the key is let in again");
    }

    [Fact]
    public async Task A_hot_partition_is_refused_whoever_asks_and_another_is_not()
    {
        await using var router = await guarded.Cluster.StartRouterAsync(GuardedCluster.Guarded, ("SHARDING_PARTITION_RATE", "5"));
        using var api = router.As(guarded.AdminKey);
        var items = await ApiCollection.CreateAsync(api);
        (await items.PutAsync("cool", "i", "{}")).Expect(201);

        var replies = await ManyAsync(40, () => items.GetAsync("hot", "i"));

        Assert.Equal("\"partition\";q=5;w=1", replies.First(reply => reply.Status == 429).ExpectProblem(429, "hot-partition")["RateLimit-Policy"]);
        Assert.Contains(replies, reply => reply.Status == 404);
        (await items.GetAsync("cool", "i")).Expect(200);
    }

    [Theory]
    [InlineData("SHARDING_CALLER_RATE", "rate-limited")]
    [InlineData("SHARDING_PARTITION_RATE", "hot-partition")]
    public async Task A_batch_counts_by_its_operations(string limit, string code)
    {
        await using var router = await guarded.Cluster.StartRouterAsync(GuardedCluster.Guarded, (limit, "20"));
        using var api = router.As((await guarded.Cluster.CreateKeyAsync()).Text);
        var items = new ApiCollection(api, (await ApiCollection.CreateAsync(guarded.Admin)).Name);
        var puts = string.Join(',', Enumerable.Range(0, 15).Select(i => $$$"""{"op":"put","pk":"p","id":"i{{{i}}}","doc":{}}"""));
        var inOne = puts.Replace("\"pk\":\"p\"", $"\"collection\":\"{items.Name}\"", StringComparison.Ordinal);
        var batch = $$"""{"ops":[{{puts}}]}""";
        var transaction = $$"""{"pk":"q","ops":[{{inOne}}]}""";

        var batches = await ManyAsync(10, () => items.BatchWriteAsync(batch));
        var transactions = await ManyAsync(10, () => api.PostAsync("/v1:transact", transaction));

        Assert.Contains(batches, reply => reply.Status == 200);
        batches.First(reply => reply.Status == 429).ExpectProblem(429, code);
        transactions.First(reply => reply.Status == 429).ExpectProblem(429, code);
    }

    [Fact]
    public async Task A_key_may_wait_for_so_many_answers_at_once_and_no_more()
    {
        await using var router = await guarded.Cluster.StartRouterAsync(GuardedCluster.Guarded, ("SHARDING_CALLER_REQUESTS", "2"));
        using var api = router.As((await guarded.Cluster.CreateKeyAsync()).Text);
        using var other = router.As(guarded.AdminKey);
        var items = await ApiCollection.CreateAsync(other);

        var replies = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => new ApiCollection(api, items.Name).PutAsync($"p{i}", "i", "{}")));

        Assert.Contains(replies, reply => reply.Status == 201);
        replies.First(reply => reply.Status == 429).ExpectProblem(429, "rate-limited");
        for (var i = 0; i < 10; i++) // every one of them has left again
            (await api.GetAsync("/v1/collections")).Expect(200);
    }

    [Fact]
    public async Task Without_limits_no_answer_speaks_of_them() =>
        Assert.Null((await guarded.Admin.GetAsync("/v1/collections")).Expect(200)["RateLimit-Policy"]);

    private static async Task<List<ApiReply>> ManyAsync(int count, Func<Task<ApiReply>> send)
    {
        var replies = new List<ApiReply>();
        for (var i = 0; i < count; i++)
            replies.Add(await send());
        return replies;
    }
}
