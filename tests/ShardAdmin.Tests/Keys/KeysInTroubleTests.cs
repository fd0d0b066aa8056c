using System.Diagnostics;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Keys;

/// <summary>A key that leaked is ended also while Redis is away, and while somebody holds the table of keys in one shard.</summary>
public sealed class KeysInTroubleTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string NoRedis = "127.0.0.1:9";

    [Fact]
    public async Task Without_redis_any_shard_names_the_shards()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var id = await KeyCommandTests.CreateAsync(cluster);

        (await cluster.RunAsync("keys", "revoke", id, "--redis", NoRedis)).Fails(ExitCode.CannotReach, "Redis");
        (await cluster.RunAsync("keys", "list", "--redis", NoRedis, "--seed", cluster.Database(2).Address)).Succeeds(id);
        (await cluster.RunAsync("keys", "revoke", id, "--redis", NoRedis, "--seed", cluster.Database(2).Address)).Succeeds("revoked in all 2 shards");

        foreach (var rows in await KeyCommandTests.RowsAsync(cluster))
            Assert.NotNull(Assert.Single(rows).RevokedAt);
    }

    [Fact]
    public async Task A_seed_of_another_cluster_is_none()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await using var other = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var id = await KeyCommandTests.CreateAsync(cluster);

        (await cluster.RunAsync("keys", "revoke", id, "--seed", other.Database(1).Address)).Fails(ExitCode.Precondition, "No seed is a shard of the cluster");
        (await cluster.RunAsync("keys", "revoke", id, "--seed", "127.0.0.1:9/nowhere")).Fails(ExitCode.CannotReach, "The seed 127.0.0.1:9/nowhere");

        Assert.Null(Assert.Single(await KeyCommandTests.ReadAsync(cluster, 1)).RevokedAt);
    }

    [Fact]
    public async Task Who_holds_the_table_in_one_shard_does_not_hold_the_revocation_up()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var id = await KeyCommandTests.CreateAsync(cluster);
        await using var holder = await cluster.Database(1).DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var take = new Npgsql.NpgsqlCommand("lock table sharding.api_key in access exclusive mode", holder))
            await take.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var clock = Stopwatch.StartNew();
        var revoking = cluster.RunAsync("keys", "revoke", id);

        await Eventually.ThatAsync(
            async () => (await KeyCommandTests.ReadAsync(cluster, 2)).Single().RevokedAt is not null, TimeSpan.FromSeconds(20), "the other shard knows it");

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(12), $"It took {clock.Elapsed}."); // the locks are waited for 2 s; the rest is a busy machine
        (await revoking).Fails(ExitCode.CannotReach, "s1", "revoked in 1 of 2 shards", $"shardadmin keys revoke {id}");
    }
}
