using ShardAdmin.Failures;
using ShardCore.Access;
using TestCluster;

namespace ShardAdmin.Tests.Keys;

/// <summary>All shards have all keys: those that join too, those that were restored once somebody says so, and what one that leaves knew stays.</summary>
public sealed class KeysInShardsTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_shard_that_joins_has_every_key_before_it_takes_slots()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        var (active, revoked) = (await KeyCommandTests.CreateAsync(cluster), await KeyCommandTests.CreateAsync(cluster));
        (await cluster.RunAsync("keys", "revoke", revoked)).Succeeds();
        await cluster.NewDatabaseAsync();

        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds();

        var rows = (await KeyCommandTests.ReadAsync(cluster, 2)).ToDictionary(key => key.Id, StringComparer.Ordinal);
        Assert.Null(rows[active].RevokedAt);
        Assert.NotNull(rows[revoked].RevokedAt);
        (await cluster.RunAsync("doctor")).Exits(ExitCode.Done, "The same 2 in every shard");
    }

    [Fact]
    public async Task A_key_that_is_made_while_a_shard_joins_comes_there_too()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync("ring-published", cluster.AddArguments(2, "--no-rebalance"))).Fails(ExitCode.Failed);
        await cluster.Database(2).ExecuteAsync("delete from sharding.api_key");
        var id = await KeyCommandTests.CreateAsync(cluster); // the ring has the shard already

        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds();

        Assert.Contains(await KeyCommandTests.ReadAsync(cluster, 2), key => key.Id == id);
    }

    [Fact]
    public async Task What_a_restored_shard_forgot_is_told_by_list_and_doctor_and_mended_by_sync()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var (kept, ended) = (await KeyCommandTests.CreateAsync(cluster), await KeyCommandTests.CreateAsync(cluster));
        var before = await KeyCommandTests.ReadAsync(cluster, 2);
        (await cluster.RunAsync("keys", "revoke", ended)).Succeeds();
        await cluster.Database(2).ExecuteAsync("delete from sharding.api_key");
        await ApiKeyStore.MergeAsync(cluster.Database(2).DataSource, [before.Single(key => key.Id == ended)], default);

        (await cluster.RunAsync("keys", "list", "--all")).Succeeds("s2");
        (await cluster.RunAsync("doctor")).Exits(ExitCode.Precondition, "s2: does not know all that others know of 2 keys", "shardadmin keys sync");
        (await cluster.RunAsync("keys", "sync")).Succeeds("s2 learned of 2");
        (await cluster.RunAsync("keys", "sync")).Succeeds("have the same 2 keys");

        (await cluster.RunAsync("doctor")).Exits(ExitCode.Done, "The same 2 in every shard");
        var rows = (await KeyCommandTests.ReadAsync(cluster, 2)).ToDictionary(key => key.Id, StringComparer.Ordinal);
        Assert.NotNull(rows[ended].RevokedAt);
        Assert.Null(rows[kept].RevokedAt);
    }

    [Fact]
    public async Task A_revocation_that_only_one_shard_has_heard_of_outlives_that_shard()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var id = await KeyCommandTests.CreateAsync(cluster);
        var key = (await KeyCommandTests.ReadAsync(cluster, 2)).Single();
        await ApiKeyStore.MergeAsync(cluster.Database(2).DataSource, [key with { RevokedAt = DateTime.UtcNow }], default);

        (await cluster.RunAsync("remove-shard", "s2", "--yes")).Succeeds();

        Assert.NotNull((await KeyCommandTests.ReadAsync(cluster, 1)).Single(row => row.Id == id).RevokedAt);
    }

    [Fact]
    public async Task A_row_that_was_changed_by_hand_is_named_with_the_way_out()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var id = await KeyCommandTests.CreateAsync(cluster);
        await cluster.Database(2).ExecuteAsync(
            "alter table sharding.api_key disable trigger keep_api_key; update sharding.api_key set scopes = '{bulk}'; "
            + "alter table sharding.api_key enable trigger keep_api_key");

        (await cluster.RunAsync("keys", "list")).Succeeds("contradicted");
        (await cluster.RunAsync("doctor")).Exits(ExitCode.Precondition, "different things", $"shardadmin keys revoke {id}");
        (await cluster.RunAsync("keys", "revoke", id)).Succeeds();
    }
}
