using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests;

public sealed class InitTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_new_cluster_has_a_schema_an_identity_and_its_slots_in_every_shard()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 3);

        (await cluster.RunAsync(cluster.InitArguments(3))).Succeeds("is initialised", "s3");

        var ring = await cluster.AssertSoundAsync(3);
        Assert.Equal(Epoch.First, ring.Epoch);
        var identities = await Task.WhenAll(Enumerable.Range(1, 3).Select(cluster.IdentityAsync));
        Assert.All(identities, identity => Assert.Equal(ring.Cluster, identity!.Cluster));
        Assert.Single(identities.Select(identity => Convert.ToHexString(identity!.CursorSecret.Span)).Distinct());
        Assert.Equal(32, identities[0]!.CursorSecret.Length);
    }

    [Theory]
    [InlineData("migrated")]
    [InlineData("identity-written:s1")]
    [InlineData("identity-written:s3")]
    [InlineData("ownership-written:s1")]
    [InlineData("ownership-written:s3")]
    [InlineData("ring-published")]
    public async Task A_crash_at_any_step_is_completed_by_the_same_command(string step)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 3);
        (await cluster.RunAsync(step, cluster.InitArguments(3))).Fails(ExitCode.Failed, "The same command completes", step);
        var begun = await cluster.IdentityAsync(1);

        (await cluster.RunAsync(cluster.InitArguments(3))).Succeeds();

        var ring = await cluster.AssertSoundAsync(3);
        Assert.Equal(Epoch.First, ring.Epoch);
        if (begun is not null)
            Assert.Equal(begun.Cluster, ring.Cluster);
    }

    [Fact]
    public async Task Two_at_once_make_one_cluster_and_both_succeed()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 3);

        var runs = await Task.WhenAll(cluster.RunAsync(cluster.InitArguments(3)), cluster.RunAsync(cluster.InitArguments(3)));

        Assert.All(runs, run => run.Succeeds());
        await cluster.AssertSoundAsync(3);
        Assert.Single(await cluster.InRedisAsync((_, rings) => rings.HistoryAsync(default)));
    }

    [Fact]
    public async Task Repeating_changes_nothing_even_after_another_shard_joined()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var before = await cluster.RingTextAsync();
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("already initialised");
        Assert.Equal(before, await cluster.RingTextAsync());

        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(3))).Succeeds();
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("already initialised");
    }

    [Fact]
    public async Task Other_shards_than_the_cluster_has_are_a_conflict_that_names_them()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();

        (await cluster.RunAsync(cluster.InitArguments(3))).Fails(ExitCode.Conflict, "no shard s3");
        (await cluster.RunAsync("init", "--shard", $"s1={cluster.Database(3).Address}")).Fails(ExitCode.Conflict, "Shard s1 is", cluster.Database(3).Address);

        Assert.Null(await cluster.IdentityAsync(3));
    }

    [Fact]
    public async Task A_shard_of_another_cluster_is_refused_and_nothing_is_changed_anywhere()
    {
        await using var other = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);

        (await cluster.RunAsync("init", "--shard", $"a={cluster.Database(1).Address}", "--shard", $"b={other.Database(1).Address}"))
            .Fails(ExitCode.Precondition, "belongs to another cluster", other.Name, "Nothing was changed");

        Assert.Null(await cluster.RingAsync());
        Assert.False(await cluster.Database(1).ScalarAsync<bool>("select exists (select from pg_namespace where nspname = 'sharding')"));
    }

    [Fact]
    public async Task Two_addresses_of_one_database_are_refused()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);
        var database = cluster.Database(1);

        (await cluster.RunAsync("init", "--shard", $"a={database.Address}", "--shard", $"b=localhost:{database.Port}/{database.Name}"))
            .Fails(ExitCode.Precondition, "one and the same database", "Nothing was changed");

        Assert.Null(await cluster.RingAsync());
    }

    [Fact]
    public async Task Every_shard_that_does_not_answer_is_named()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 1);

        (await cluster.RunAsync("init", "--shard", $"s1={cluster.Database(1).Address}", "--shard", "s2=127.0.0.1:1/a", "--shard", $"s3={cluster.Database(1).Host}:{cluster.Database(1).Port}/nosuch"))
            .Fails(ExitCode.CannotReach, "Shard s2 at 127.0.0.1:1/a", "Shard s3", "Nothing was changed");
    }

    [Fact]
    public async Task A_database_that_is_not_UTF8_is_refused()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        var server = await postgres.ServerAsync();
        await using var database = await server.CreateDatabaseAsync("template0", "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");

        (await cluster.RunAsync("init", "--shard", $"s1={database.Address}")).Fails(ExitCode.Precondition, "LATIN1", "Nothing was changed");
    }

    [Fact]
    public async Task A_dry_run_changes_nothing()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);

        (await cluster.RunAsync([.. cluster.InitArguments(2), "--dry-run"])).Succeeds("Dry run", "8,192");

        Assert.Null(await cluster.RingAsync());
        Assert.Null(await cluster.IdentityAsync(1));
    }

    [Fact]
    public async Task A_lost_ring_is_not_mistaken_for_a_new_cluster()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(3))).Succeeds();
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync(cluster.InitArguments(2))).Fails(ExitCode.Precondition, "ring rebuild --seed");
        Assert.Null(await cluster.RingAsync());
    }

    [Fact]
    public async Task Without_shards_the_first_add_shard_gets_all_slots()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);
        (await cluster.RunAsync("init")).Succeeds("0 shards");
        (await cluster.RunAsync("init")).Succeeds("already initialised");
        Assert.True((await cluster.RingAsync())!.IsEmpty);

        (await cluster.RunAsync(cluster.AddArguments(1))).Succeeds("16,384 slots");
        await cluster.AssertSoundAsync(1);
        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds("8,192 slots");
        await cluster.AssertSoundAsync(2);
    }
}
