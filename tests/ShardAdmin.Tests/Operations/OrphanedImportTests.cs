using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Operations;

/// <summary>What a shard imports and no journal has: it was away when that move was cancelled without it.</summary>
public sealed class OrphanedImportTests(SharedPostgres postgres, SharedRedis redis)
{
    /// <summary>What it was importing would stay for ever: nobody has it in a journal, and no move could bring these slots there.</summary>
    [Fact]
    public async Task A_database_that_was_given_up_while_slots_were_on_their_way_to_it_forgets_them_when_it_joins_again()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        var slots = await cluster.FirstFilledSlotsAsync();
        await cluster.KillAsync(["move", slots, "--to", "s2", "--yes"], "move-catchup");
        await server.StopAsync(PostgresShutdown.Fast);
        (await cluster.RunAsync("remove-shard", "s2", "--force-empty")).Succeeds("out of the ring", "stay where they are");
        await server.StartAsync();
        Assert.NotEqual(0L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = 'importing'"));
        Assert.NotEqual(0L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.item"));

        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Succeeds("1 batch", "Ended");

        await cluster.AssertNoLeftOversAsync(2);
        Assert.Equal(0L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.item"));
        (await cluster.RunAsync("move", slots, "--to", "s2", "--yes", "--rate", "none")).Succeeds("Moved");
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Doctor_tells_an_import_that_no_journal_has_with_the_command_that_ends_it_and_a_move_there_is_refused()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 100);
        await cluster.KillAsync(["move", "10-14", "--to", "s2", "--yes"], "move-catchup");
        Assert.Equal("ok", await LevelAsync(cluster)); // it is in a journal
        await ImportAsync(cluster, 2, 0, 2);

        Assert.Equal("warning", await LevelAsync(cluster));
        (await cluster.RunAsync("move", "0-4", "--to", "s2", "--yes")).Fails(ExitCode.Precondition, "s2 imports slots 0-2", "add-shard s2 ", "--no-rebalance", "Nothing was changed");

        await cluster.ResumeAsync("ops", "resume");
        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Succeeds("1 batch");
        Assert.Equal("ok", await LevelAsync(cluster));
        (await cluster.RunAsync("move", "0-4", "--to", "s2", "--yes")).Succeeds("Moved 5 slots");
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    /// <summary>They may be all there is of these slots.</summary>
    [Fact]
    public async Task Rows_that_were_imported_are_kept_while_nobody_owns_their_slots()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await ImportAsync(cluster, 2, 0, 2);
        await cluster.InsertItemAsync(2, "only-copy", slot: 1);
        await cluster.Database(1).ExecuteAsync("delete from sharding.slot_ownership where slot = 1");

        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Fails(ExitCode.Precondition, "imports the slots 1 ", "runbook");

        Assert.Equal(1L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.item"));
        Assert.Equal(3L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = 'importing'"));
    }

    /// <summary>The source would have released them, and nobody would serve them.</summary>
    [Fact]
    public async Task Slots_without_items_are_not_given_to_a_shard_that_imports_them()
    {
        await using var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Succeeds();
        await ImportAsync(cluster, 2, 0, 16383);

        (await cluster.RunAsync(cluster.AddArguments(3))).Fails(ExitCode.Precondition, "s2 imports slots", "add-shard s2 ", "every slot has an owner");

        await cluster.AssertSoundAsync(3);
        (await cluster.RunAsync(cluster.AddArguments(2))).Succeeds("1 batch");
        Assert.NotEmpty((await cluster.AssertSoundAsync(3)).SlotsOf(MovingCluster.Second));
        await cluster.AssertNoLeftOversAsync(3);
    }

    /// <summary>As a mover leaves it whose batch was cancelled while this shard was away.</summary>
    private static Task ImportAsync(AdminCluster cluster, int number, int first, int last) => cluster.Database(number).ExecuteAsync(
        $"select sharding.import_begin(gen_random_uuid(), 1, 's1', array(select generate_series({first}, {last})::smallint), 1)");

    private static async Task<string?> LevelAsync(AdminCluster cluster) => (await cluster.RunAsync("doctor", "-o", "json")).Succeeds().Json.GetProperty("checks")
        .EnumerateArray().Single(check => check.GetProperty("check").GetString() == "imports").GetProperty("level").GetString();
}
