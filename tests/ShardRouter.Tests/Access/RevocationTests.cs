using System.Diagnostics;
using ShardCore.Access;
using TestCluster;
using static ShardRouter.Tests.Access.AuthenticationTests;

namespace ShardRouter.Tests.Access;

/// <summary>A revoked key stays revoked, whatever is lost.</summary>
public sealed class RevocationTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan EffectiveWithin = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_revocation_is_effective_on_every_router_within_5_s_also_without_Redis()
    {
        await using var ownRedis = await RedisServer.StartNewAsync();
        await using var cluster = await SeededCluster.CreateAsync([await postgres.CreateShardAsync(), await postgres.CreateShardAsync()], ownRedis);
        await using var one = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        await using var two = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var (first, firstKey) = await cluster.CreateKeyAsync();
        var (second, secondKey) = await cluster.CreateKeyAsync();
        foreach (var text in new[] { first, second })
            await BothAsync(text, 200);

        await RevokeAsync(cluster["s1"], firstKey);
        await RefusedSoonAsync(first);
        await ownRedis.KillAsync();
        await BothAsync(first, 401);
        await BothAsync(second, 200);
        await RevokeAsync(cluster["s2"], secondKey);
        await RefusedSoonAsync(second);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken); // several looks later
        await BothAsync(first, 401);
        await BothAsync(second, 401);

        async Task BothAsync(string text, int status)
        {
            foreach (var router in new[] { one, two })
                (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(status);
        }

        async Task RefusedSoonAsync(string text)
        {
            var clock = Stopwatch.StartNew();
            foreach (var router in new[] { one, two })
                await Eventually.ThatAsync(
                    async () => (await router.Api.GetAsync("/v1/collections", Showing(text))).Status == 401, EffectiveWithin, "the router refuses the key");
            Assert.True(clock.Elapsed < EffectiveWithin);
        }
    }

    [Fact]
    public async Task A_shard_that_was_restored_to_older_keys_revives_none()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var (text, key) = await cluster.CreateKeyAsync();
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(200);
        foreach (var shard in cluster.Shards)
            await RevokeAsync(shard, key);
        await Eventually.ThatAsync(async () => (await router.Api.GetAsync("/v1/collections", Showing(text))).Status == 401, EffectiveWithin, "the key is refused");

        await SetBackAsync(cluster["s1"], key);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(401);
        await using var started = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        (await started.Api.GetAsync("/v1/collections", Showing(text))).Expect(401);

        // What a router knows it keeps, also when every shard was set back.
        await SetBackAsync(cluster["s2"], key);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(401);
    }

    [Fact]
    public async Task A_key_of_which_the_shards_say_different_things_is_refused()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var (text, key) = await cluster.CreateKeyAsync(["items:read"], partitions: ["t1:*"]);
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(200);

        await cluster["s1"].Database.ExecuteAsync($"delete from sharding.api_key where id = '{key.Id}'");
        await ApiKeyStore.MergeAsync(cluster["s1"].Database.DataSource, [key with { Scopes = [.. AccessScopes.AllNames], Partitions = null, ExpiresAt = DateTime.UtcNow.AddDays(1) }], default);

        await Eventually.ThatAsync(async () => (await router.Api.GetAsync("/v1/collections", Showing(text))).Status == 401, EffectiveWithin, "the key is refused");
    }

    [Fact]
    public async Task A_router_that_stops_tells_a_shard_when_keys_were_used()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        await using var router = await cluster.StartRouterAsync(GuardedCluster.Guarded);
        var (used, usedKey) = await cluster.CreateKeyAsync();
        var (unused, unusedKey) = await cluster.CreateKeyAsync(expires: DateTime.UtcNow.AddMinutes(-1));
        var before = DateTime.UtcNow.AddSeconds(-1);
        (await router.Api.GetAsync("/v1/collections", Showing(used))).Expect(200);
        (await router.Api.GetAsync("/v1/collections", Showing(unused))).Expect(401);

        var exit = await router.StopAsync();
        Assert.True(exit == 0, $"The router ended with {exit}:\n{router.Output}");

        var rows = new List<IReadOnlyList<ApiKey>>();
        foreach (var shard in cluster.Shards)
            rows.Add(await ApiKeyStore.ListAsync((ShardCore.Shards.ShardDatabase)shard.Database.DataSource, default));
        var merged = ApiKey.MergeAll(rows);
        Assert.InRange(merged[usedKey.Id].LastUsedAt!.Value, before, DateTime.UtcNow);
        Assert.Null(merged[unusedKey.Id].LastUsedAt);
    }

    [Fact]
    public async Task Before_any_shard_has_told_its_keys_nobody_is_told_that_he_may_not_call()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 2);
        var (text, _) = await cluster.CreateKeyAsync();
        foreach (var shard in cluster.Shards)
            await shard.Database.ExecuteAsync("alter table sharding.api_key rename to away"); // as a schema that was not migrated yet
        await using var router = await cluster.StartUnreadyRouterAsync(GuardedCluster.Guarded);

        await Eventually.ThatAsync(
            async () => (await router.HealthAsync("ready")).Text.StartsWith("no API keys", StringComparison.Ordinal),
            TimeSpan.FromSeconds(10), "the router says why it is not ready");
        (await router.HealthAsync("ready")).Expect(503);
        var reply = (await router.Api.GetAsync("/v1/collections", Showing(text))).ExpectProblem(503, "keys-unavailable");
        Assert.True(reply.Json.GetProperty("retryable").GetBoolean());
        Assert.NotNull(reply["Retry-After"]);
        Assert.Contains("shardadmin migrate", router.Output, StringComparison.Ordinal);

        await cluster["s2"].Database.ExecuteAsync("alter table sharding.away rename to api_key");
        await router.WaitUntilReadyAsync();
        (await router.Api.GetAsync("/v1/collections", Showing(text))).Expect(200);
    }

    [Fact]
    public async Task A_router_that_runs_open_says_so_in_log_health_and_metrics()
    {
        await using var cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        await using var open = await cluster.StartRouterAsync(("SHARDING_AUTH", "open"));
        await using var guarded = await cluster.StartRouterAsync(("SHARDING_AUTH", "")); // as if it were not set

        (await open.Api.GetAsync("/v1/collections")).Expect(200);
        Assert.Contains("SHARDING_AUTH=open", (await open.HealthAsync("ready")).Expect(200).Text, StringComparison.Ordinal);
        Assert.Contains("asks nobody for a key", open.Output, StringComparison.Ordinal);
        Assert.Equal(1, await open.MetricAsync("sharding_access_open"));

        (await guarded.Api.GetAsync("/v1/collections")).Expect(401);
        Assert.Equal("ready\n", (await guarded.HealthAsync("ready")).Expect(200).Text);
        Assert.DoesNotContain("asks nobody", guarded.Output, StringComparison.Ordinal);
        Assert.Equal(0, await guarded.MetricAsync("sharding_access_open"));
    }

    private static Task RevokeAsync(SeededShard shard, ApiKey key) =>
        ApiKeyStore.MergeAsync(shard.Database.DataSource, [key with { RevokedAt = DateTime.UtcNow }], TestContext.Current.CancellationToken);

    /// <summary>As a backup from before the revocation leaves it.</summary>
    private static async Task SetBackAsync(SeededShard shard, ApiKey key)
    {
        await shard.Database.ExecuteAsync($"delete from sharding.api_key where id = '{key.Id}'");
        await ApiKeyStore.MergeAsync(shard.Database.DataSource, [key], TestContext.Current.CancellationToken);
    }
}
