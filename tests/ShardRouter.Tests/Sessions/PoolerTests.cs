using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>The ring names a PgBouncer where a shard's Postgres should be.</summary>
public sealed class PoolerTests(SharedPostgres postgres, SharedRedis redis)
{
    [Theory]
    [InlineData("session", false)]
    [InlineData("transaction", true)]
    public async Task The_shard_is_unavailable_and_the_router_says_why(string mode, bool ignoresOptions)
    {
        await using var bouncer = await PgBouncer.StartAsync(await postgres.ServerAsync(), mode, ignoresOptions);
        await using var cluster = await SeededCluster.CreateAsync([await postgres.CreateShardAsync()], await redis.ServerAsync(), _ => bouncer.Port);
        await using var router = await cluster.StartRouterAsync();

        (await router.Api.GetAsync("/v1/collections/c/items/p/x")).ExpectProblem(503, "shard-unavailable");
        (await router.Api.PutAsync("/v1/collections/c/items/p/x", "{}")).ExpectProblem(503, "shard-unavailable");

        await Eventually.ThatAsync(
            () => router.Output.Contains($"a connection pooler, such as PgBouncer, answers at {PgBouncer.Host}:{bouncer.Port}", StringComparison.Ordinal),
            TimeSpan.FromSeconds(10), "the router logs why");
    }
}
