using System.Text.RegularExpressions;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Cluster;

public sealed partial class InitTests(SharedPostgres postgres, SharedRedis redis)
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

    /// <summary>The databases were dropped and made anew, and Redis still has the ring.</summary>
    [Fact]
    public async Task Databases_made_anew_are_not_taken_for_the_cluster_that_Redis_remembers()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var remembered = await cluster.RingTextAsync();
        await LoseAsync(cluster, 1);
        await cluster.Database(2).ExecuteAsync("delete from sharding.cluster");

        var run = (await cluster.RunAsync(cluster.InitArguments(2))).Fails(
            ExitCode.Precondition, $"Shard s1: its database {cluster.Database(1).Address} has no schema", $"Shard s2: its database {cluster.Database(2).Address} has the schema, but belongs to no cluster", "Nothing was changed");
        Assert.Equal(remembered, await cluster.RingTextAsync());
        (await cluster.RunAsync([.. cluster.InitArguments(2), "--dry-run"])).Fails(ExitCode.Precondition, "has no schema");

        await LoseAsync(cluster, 2);
        await DeleteAsync(cluster, NamedKeys().Matches(run.Error));
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("is initialised");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task One_shard_that_lost_its_database_is_named_and_not_made_anew()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await LoseAsync(cluster, 2);

        var run = (await cluster.RunAsync(cluster.InitArguments(2))).Fails(ExitCode.Precondition, "Shard s2: its database", "has no schema", "restore these databases", "shardadmin doctor");

        Assert.DoesNotContain("Shard s1", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("redis-cli", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_shard_under_anothers_address_is_named()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.Database(2).ExecuteAsync("update sharding.cluster set shard_id = 's1'");

        (await cluster.RunAsync(cluster.InitArguments(2))).Fails(ExitCode.Precondition, $"Shard s2: its database {cluster.Database(2).Address} is shard s1 of this cluster", "correct the addresses");
    }

    /// <summary>Redis was restored to a time when another cluster had these databases.</summary>
    [Fact]
    public async Task A_ring_of_an_earlier_cluster_is_told_with_the_command_that_replaces_it()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var earlier = (await cluster.RingTextAsync())!;
        await cluster.ForgetRingAsync();
        await LoseAsync(cluster, 1);
        await LoseAsync(cluster, 2);
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        var now = (await cluster.RingAsync())!.Cluster;
        await cluster.PutRingTextAsync(earlier);

        (await cluster.RunAsync(cluster.InitArguments(2))).Fails(
            ExitCode.Precondition, $"belongs to another cluster, as shard s1 of {now}", $"shardadmin ring rebuild --seed {cluster.Database(1).Address}");
        (await cluster.RunAsync("ring", "rebuild", "--yes", "--seed", cluster.Database(1).Address)).Succeeds();

        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("already initialised");
        Assert.Equal(now, (await cluster.AssertSoundAsync(2)).Cluster);
    }

    [Fact]
    public async Task A_shard_that_does_not_answer_is_told_and_does_not_stop_who_only_repeats()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await (await postgres.ServerAsync()).ExecuteAsync($"drop database {cluster.Database(2).Name} with (force)");

        var run = (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("already initialised");

        Assert.Contains("was not checked", run.Error, StringComparison.Ordinal);
        Assert.Contains("Shard s2 at", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_Redis_empty_a_cluster_of_which_nothing_was_lost_gets_its_ring_again()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        var before = (await cluster.RingAsync())!;
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.ForgetRingAsync();

        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds("were its shards already", "the ring is published");

        var after = await cluster.AssertSoundAsync(2);
        Assert.Equal((before.Cluster, before.Epoch), (after.Cluster, after.Epoch));
        Assert.Equal(before.Owners, after.Owners);
    }

    /// <summary>What an init that crashed leaves looks the same, but for the collection.</summary>
    [Fact]
    public async Task With_Redis_empty_a_shard_that_lost_its_data_is_not_made_anew()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.ForgetRingAsync();
        await LoseAsync(cluster, 2);

        (await cluster.RunAsync(cluster.InitArguments(2))).Fails(
            ExitCode.Precondition, "shard s1", "has collections", "Shard s2: its database", "has no schema", $"shardadmin ring rebuild --seed {cluster.Database(1).Address}");

        Assert.Null(await cluster.RingAsync());
        Assert.Null(await cluster.IdentityAsync(2));
    }

    private static Task LoseAsync(AdminCluster cluster, int number) => cluster.Database(number).ExecuteAsync("drop schema sharding, sharding_items cascade");

    private static Task<bool> DeleteAsync(AdminCluster cluster, MatchCollection keys)
    {
        Assert.Equal(3, keys.Count);
        return cluster.InRedisAsync(async (connection, _) =>
        {
            foreach (Match key in keys)
                await connection.CallAsync(database => database.KeyDeleteAsync(key.Groups["key"].Value), default);
            return true;
        });
    }

    [GeneratedRegex("'(?<key>sharding:[^']*)'", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamedKeys();
}
