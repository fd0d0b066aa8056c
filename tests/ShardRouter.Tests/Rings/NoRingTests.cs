using ShardCore.Ring;
using ShardCore.RingDocuments;
using TestCluster;

namespace ShardRouter.Tests.Rings;

public sealed class NoRingTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_router_without_a_ring_is_alive_and_not_ready_until_one_comes()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        await cluster.RemoveRingAsync();
        await using var router = await cluster.StartUnreadyRouterAsync();

        await AnswersNothingAsync(router);
        Assert.StartsWith("no ring yet\n", (await router.HealthAsync("ready")).Expect(503).Text, StringComparison.Ordinal);
        await cluster.WriteRingTextAsync("no ring");
        (await router.HealthAsync("ready")).Expect(503);

        await cluster.WriteRingTextAsync(RingDocumentCodec.Write(cluster.Ring));
        await router.WaitUntilReadyAsync();
        await ApiCollection.CreateAsync(router.Api);
    }

    [Fact]
    public async Task A_ring_without_shards_routes_nothing_until_the_first_shard_joins()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        await cluster.WriteRingTextAsync(RingDocumentCodec.Write(ShardRing.Create(cluster.Ring.Cluster, Epoch.First, [], [])));
        await using var router = await cluster.StartRouterAsync();
        await AnswersNothingAsync(router);

        await cluster.PublishNextAsync([], "s1");

        await Eventually.ThatAsync(async () => await router.EpochAsync() == 2, TimeSpan.FromSeconds(10), "the ring with a shard is in use");
        await ApiCollection.CreateAsync(router.Api);
    }

    [Fact]
    public async Task A_router_of_a_cluster_that_there_is_not_stays_without_a_ring()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        await using var router = await cluster.StartUnreadyRouterAsync(("SHARDING_CLUSTER", "no-such-cluster"));

        await AnswersNothingAsync(router);
    }

    private static async Task AnswersNothingAsync(RouterProcess router)
    {
        (await router.HealthAsync("live")).Expect(200);
        foreach (var reply in new[]
        {
            await router.Api.GetAsync("/v1/collections/c/items/a/b"), await router.Api.PutAsync("/v1/collections/c/items/a/b", "{}"),
            await router.Api.GetAsync("/v1/collections/c/items/a"), await router.Api.PostAsync("/v1:locate", """{"pk":"a"}"""),
            await router.Api.PostAsync("/v1:transact", """{"pk":"a","ops":[{"op":"check","collection":"c","id":"b"}]}"""),
            await router.Api.GetAsync("/v1/collections"), await router.Api.SendAsync("PUT", "/v1/collections/c", null),
        })
        {
            reply.ExpectProblem(503, "ring-unavailable");
            Assert.NotNull(reply["Retry-After"]);
        }
    }
}
