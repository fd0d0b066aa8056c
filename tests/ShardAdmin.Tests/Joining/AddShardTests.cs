using Npgsql;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Joining;

public sealed class AddShardTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task On_an_empty_cluster_the_new_shard_takes_its_share_and_nothing_moves_between_the_others()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 3);
        var before = (await cluster.RingAsync())!;
        await cluster.NewDatabaseAsync();

        (await cluster.RunAsync(cluster.AddArguments(4))).Succeeds("owns 4,096 slots");

        var after = await cluster.AssertSoundAsync(4);
        Assert.All(Slot.All, slot => Assert.True(after.OwnerOf(slot).Id == before.OwnerOf(slot).Id || after.OwnerOf(slot).Id == new ShardId("s4")));
        Assert.Equal(after.Epoch, (await cluster.IdentityAsync(1))!.RingEpoch);
        Assert.Equal((await cluster.IdentityAsync(1))!.CursorSecret.ToArray(), (await cluster.IdentityAsync(4))!.CursorSecret.ToArray());
    }

    [Fact]
    public async Task Released_slots_name_their_new_owner_and_versions_start_above_what_the_old_one_gave()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds();

        Assert.Equal(8192, await cluster.Database(1).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = 'released' and peer = 's2'"));
        var floor = await cluster.Database(2).ScalarAsync<long>("select min(version_floor) from sharding.slot_ownership where state = 'owned'");
        Assert.True(floor > await cluster.Database(1).ScalarAsync<long>("select (extract(epoch from now() - interval '1 minute') * 1000000)::bigint"));
        Assert.True(floor >= await cluster.Database(1).ScalarAsync<long>("select min(version_floor) from sharding.slot_ownership where state = 'released'"));
    }

    [Theory]
    [InlineData("migrated", 3)]
    [InlineData("identity-written", 3)]
    [InlineData("lists-stored", 3)]
    [InlineData("ring-published", 3)]
    [InlineData("migrated", 0)]
    [InlineData("identity-written", 0)]
    [InlineData("lists-stored", 0)]
    [InlineData("ring-published", 0)]
    public async Task A_crash_at_any_step_is_completed_by_the_same_command(string step, int shardsBefore)
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, shardsBefore);
        (await cluster.RunAsync(cluster.InitArguments(shardsBefore))).Succeeds();
        await cluster.NewDatabaseAsync();
        var arguments = cluster.AddArguments(shardsBefore + 1);
        (await cluster.RunAsync(step, arguments)).Fails(ExitCode.Failed, "The same command completes", step);

        (await cluster.RunAsync(arguments)).Succeeds();

        var ring = await cluster.AssertSoundAsync(shardsBefore + 1);
        Assert.Equal(Slot.Count / (shardsBefore + 1), ring.SlotsOf(new ShardId($"s{shardsBefore + 1}")).Length);
        (await cluster.RunAsync(arguments)).Succeeds("already", "Nothing was changed");
    }

    [Theory]
    [InlineData("moves-planned")]
    [InlineData("move-own")]
    [InlineData("move-publish")]
    public async Task A_crash_within_its_moves_is_completed_by_the_same_command(string step)
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 3);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(step, cluster.AddArguments(4))).Fails(ExitCode.Failed, "shardadmin ops resume", step);

        (await cluster.RunAsync(cluster.AddArguments(4, "--yes"))).Succeeds();

        var ring = await cluster.AssertSoundAsync(4);
        Assert.Equal(Slot.Count / 4, ring.SlotsOf(new ShardId("s4")).Length);
        (await cluster.RunAsync(cluster.AddArguments(4))).Succeeds("already", "Nothing was changed");
    }

    [Fact]
    public async Task Data_that_came_between_a_crash_and_its_completion_stays_reachable()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync("move-own", cluster.AddArguments(2))).Fails(ExitCode.Failed, "ops resume");
        var kept = Keys().First(pk => Owns(cluster.Database(1), pk).Result);
        await cluster.InsertItemAsync(1, kept);

        (await cluster.RunAsync(cluster.AddArguments(2))).Fails(ExitCode.Usage, "--yes");
        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance", "--yes"))).Succeeds();

        (await cluster.RunAsync("verify")).Succeeds("1 row");
        Assert.Equal(Slot.Count / 2, (await cluster.RingAsync())!.SlotsOf(new ShardId("s2")).Length);
    }

    [Fact]
    public async Task With_data_it_asks_before_it_changes_anything_and_no_rebalance_only_joins()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.InsertItemAsync((await cluster.RingAsync())!.OwnerOf(SlotHash.Of("FR")).Id == new ShardId("s1") ? 1 : 2, "FR");
        await cluster.NewDatabaseAsync();
        var before = await cluster.RingTextAsync();

        (await cluster.RunAsync(cluster.AddArguments(3))).Fails(ExitCode.Usage, "Move 5,461 slots", "Nothing was changed", "--yes");
        Assert.Equal(before, await cluster.RingTextAsync());
        Assert.False(await cluster.Database(3).ScalarAsync<bool>("select exists (select from pg_namespace where nspname = 'sharding')"));

        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds("owns no slots yet");
        var ring = await cluster.AssertSoundAsync(3);
        Assert.Empty(ring.SlotsOf(new ShardId("s3")));
        Assert.Equal(1, await cluster.Database(3).ScalarAsync<long>("select count(*) from sharding.collection where name = 'c'"));
        (await cluster.RunAsync(cluster.AddArguments(3, "--no-rebalance"))).Succeeds("already");
    }

    [Fact]
    public async Task A_writer_under_way_is_waited_for_and_its_item_is_moved_with_its_slot()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.NewDatabaseAsync();
        var moving = RingPlanner.Plan((await cluster.RingAsync())!.Owners, [(await cluster.RingAsync())!.Shards[0], new Shard(new ShardId("s2"), "h", 1, "d")])
            .Moves.Select(move => move.Slot).ToHashSet();
        var pk = Keys().First(key => moving.Contains(SlotHash.Of(key)));
        await using var connection = await cluster.Database(1).DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var write = new NpgsqlCommand(
            $"select outcome from sharding.write_items(false, '{{put}}', '{{{SlotHash.Of(pk)}}}', '{{c}}', '{{{pk}}}', '{{i}}', array['{{}}']::jsonb[], '{{none}}', '{{null}}', '{{null}}', '{{false}}')", connection, transaction);
        Assert.Equal("created", await write.ExecuteScalarAsync(TestContext.Current.CancellationToken));

        var adding = cluster.RunAsync(cluster.AddArguments(2));
        await Eventually.ThatAsync(
            async () => await cluster.Database(1).ScalarAsync<long>("select count(*) from pg_locks where not granted") > 0,
            TimeSpan.FromSeconds(20), "the move waits for the writer");
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        (await adding).Succeeds();
        (await cluster.RunAsync("verify")).Succeeds("1 row");
        Assert.Equal(new ShardId("s2"), (await cluster.AssertSoundAsync(2)).OwnerOf(SlotHash.Of(pk)).Id);
    }

    [Fact]
    public async Task Two_at_once_with_the_same_arguments_both_succeed_and_join_once()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();

        var runs = await Task.WhenAll(cluster.RunAsync(cluster.AddArguments(3)), cluster.RunAsync(cluster.AddArguments(3)));

        Assert.All(runs, run => run.Succeeds());
        Assert.Single(runs, run => run.Out.Contains("already", StringComparison.Ordinal));
        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task Two_different_shards_at_once_both_join_one_after_the_other()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        await cluster.NewDatabaseAsync();

        var runs = await Task.WhenAll(cluster.RunAsync(cluster.AddArguments(2)), cluster.RunAsync(cluster.AddArguments(3)));

        Assert.All(runs, run => run.Succeeds());
        await cluster.AssertSoundAsync(3);
    }

    [Fact]
    public async Task Two_first_shards_at_once_never_both_own_the_slots()
    {
        await using var cluster = await AdminCluster.NewAsync(postgres, redis, 2);
        (await cluster.RunAsync("init")).Succeeds();

        var runs = await Task.WhenAll(cluster.RunAsync(cluster.AddArguments(1)), cluster.RunAsync(cluster.AddArguments(2)));

        Assert.Contains(runs, run => run.Exit == ExitCode.Done);
        Assert.All(runs, run => Assert.True(run.Exit is ExitCode.Done or ExitCode.Conflict, run.Error));
        (await cluster.RunAsync(cluster.AddArguments(1))).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds();
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task An_id_or_a_database_that_is_taken_is_a_conflict()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        await cluster.NewDatabaseAsync();
        var first = cluster.Database(1);

        (await cluster.RunAsync("add-shard", "s1", "--host", first.Host, "--port", $"{first.Port}", "--database", cluster.Database(3).Name)).Fails(ExitCode.Conflict, "a shard s1 already");
        (await cluster.RunAsync("add-shard", "s3", "--host", first.Host, "--port", $"{first.Port}", "--database", first.Name)).Fails(ExitCode.Conflict, "as shard s1");
        (await cluster.RunAsync("add-shard", "s3", "--host", "localhost", "--port", $"{first.Port}", "--database", first.Name)).Fails(ExitCode.Precondition, "one and the same database");
        (await cluster.RunAsync(cluster.AddArguments(1, "--weight", "7"))).Fails(ExitCode.Conflict, "with weight 1");
        await cluster.AssertSoundAsync(2);
    }

    [Fact]
    public async Task A_shard_of_another_cluster_is_refused()
    {
        await using var other = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);

        (await cluster.RunAsync("add-shard", "s2", "--host", other.Database(1).Host, "--port", $"{other.Database(1).Port}", "--database", other.Database(1).Name))
            .Fails(ExitCode.Precondition, "belongs to another cluster", "Nothing was changed");
    }

    [Fact]
    public async Task A_weight_decides_the_share_and_a_dry_run_tells_it_without_changing_anything()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        var before = await cluster.RingTextAsync();

        (await cluster.RunAsync(cluster.AddArguments(2, "--weight", "3", "-n"))).Succeeds("12,288 slots", "Nothing was changed");
        Assert.Equal(before, await cluster.RingTextAsync());
        (await cluster.RunAsync(cluster.AddArguments(2, "--weight", "3"))).Succeeds("12,288 slots");
    }

    [Fact]
    public async Task Json_tells_what_moves_with_its_bytes_and_the_balance_whether_there_is_data_or_not()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();

        var empty = (await cluster.RunAsync(cluster.AddArguments(2, "-n", "-o", "json"))).Succeeds().Json;
        await cluster.InsertItemAsync(1, "FR");
        var dry = (await cluster.RunAsync(cluster.AddArguments(2, "-n", "-o", "json"))).Succeeds().Json;
        var detached = (await cluster.RunAsync(cluster.AddArguments(2, "-y", "--detach", "-o", "json"))).Succeeds().Json;

        foreach (var result in new[] { empty, dry, detached })
        {
            Assert.Equal(8192, result.GetProperty("plannedSlots").GetInt32());
            var move = Assert.Single(result.GetProperty("moves").EnumerateArray());
            Assert.Equal(("s1", "s2", 8192), (move.GetProperty("from").GetString(), move.GetProperty("to").GetString(), move.GetProperty("slotCount").GetInt32()));
            Assert.Equal([8192, 8192], result.GetProperty("balance").EnumerateArray().Select(shard => shard.GetProperty("after").GetInt32()));
            Assert.Equal(result.GetProperty("estimatedBytes").GetInt64(), move.GetProperty("bytes").GetInt64());
        }
        Assert.Equal([true, true, false], new[] { empty, dry, detached }.Select(result => result.GetProperty("dryRun").GetBoolean()));
        Assert.Null(empty.GetProperty("operation").GetString()); // nothing needs a move
        Assert.True(detached.GetProperty("estimatedBytes").GetInt64() > 0);
        var id = detached.GetProperty("operation").GetString()!;
        Assert.Contains(id, (await cluster.RunAsync("ops", "list")).Succeeds("unfinished").Out, StringComparison.Ordinal);
    }


    private static IEnumerable<string> Keys() => Enumerable.Range(0, 100_000).Select(number => $"k{number}");

    private static Task<bool> Owns(TestDatabase database, string pk) =>
        database.ScalarAsync<bool>($"select exists (select from sharding.slot_ownership where slot = {SlotHash.Of(pk)} and state = 'owned')");
}
