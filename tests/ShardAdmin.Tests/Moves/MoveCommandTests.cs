using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Moving slots with data, by the commands, under writers.</summary>
public sealed class MoveCommandTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly ShardId Second = MovingCluster.Second;

    [Fact]
    public async Task Slots_move_under_writers_and_nothing_is_lost_and_the_operation_is_on_record()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var pk = Enumerable.Range(0, 20).Select(number => $"p{number}").First(key => cluster.RingAsync().Result!.OwnerOf(SlotHash.Of(key)).Id != Second);
        var slot = SlotHash.Of(pk).Value;

        (await cluster.RunAsync("move", "--pk", pk, "--to", "s2")).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        (await cluster.RunAsync("move", "--pk", pk, "--to", "s2", "-n")).Succeeds("1 slot would move");
        (await cluster.RunAsync("move", "--pk", pk, "--to", "s2", "-n", "--rate", "10MiB/s")).Succeeds("With --rate 10.0 MiB/s the move takes about 1 s");
        var moved = (await cluster.RunAsync("move", "--pk", pk, "--to", "s2", "-y", "--rate", "10MiB/s", "--max-pause", "400ms", "-o", "json")).Succeeds();

        Assert.Equal(1, moved.Json.GetProperty("movedSlots").GetInt32());
        var done = moved.Error.Split('\n').Single(line => line.Contains(": done, ", StringComparison.Ordinal));
        Assert.Contains(" MiB/s, ", done, StringComparison.Ordinal);
        Assert.Contains(", lag ", done, StringComparison.Ordinal);
        (await cluster.RunAsync("move", $"{slot}", "--to", "s2", "-y")).Succeeds("already");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.Equal(Second, (await cluster.AssertSoundAsync(2)).OwnerOf(new Slot(slot)).Id);
        var id = moved.Json.GetProperty("operation").GetString()!;
        var show = (await cluster.RunAsync("ops", "show", id, "-o", "json")).Succeeds().Json;
        Assert.Equal("done", show.GetProperty("state").GetString());
        Assert.True(show.GetProperty("batchList")[0].GetProperty("pauseMs").GetDouble() > 0);
        (await cluster.RunAsync("ops", "list")).Succeeds(id, "done");
        (await cluster.RunAsync("ops", "resume")).Fails(ExitCode.NotFound);
        (await cluster.RunAsync("ops", "cancel", id)).Fails(ExitCode.NotFound);
        (await cluster.RunAsync("move", "5", "--to", "s9", "-y")).Fails(ExitCode.NotFound, "s9");
    }

    [Theory]
    [InlineData("", "256,256,88")]
    [InlineData("--batch 64", "64,64,64,64,64,64,64,64,64,24")]
    [InlineData("--batch 1024", "600")]
    public async Task Slots_are_handed_over_in_batches_of_the_size_that_was_asked_for(string option, string sizes)
    {
        await using var cluster = await WithCollectionAsync(2);
        var ring = (await cluster.RingAsync())!;
        var slots = string.Join(',', ring.SlotsOf(ring.Shards[0].Id).Take(600));
        var moved = (await cluster.RunAsync(["move", slots, "--to", "s2", "-y", "-o", "json", .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)])).Succeeds();
        var show = (await cluster.RunAsync("ops", "show", moved.Json.GetProperty("operation").GetString()!, "-o", "json")).Succeeds().Json;
        Assert.Equal(sizes, string.Join(',', show.GetProperty("batchList").EnumerateArray().Select(batch => batch.GetProperty("slotCount").GetInt32()).OrderDescending()));
        await cluster.AssertSoundAsync(2);
    }

    [Theory]
    [InlineData("moves-planned", Traits = ["Category", "Long"])]
    [InlineData("move-copy", Traits = ["Category", "Long"])]
    [InlineData("move-drain")]
    [InlineData("move-own", Traits = ["Category", "Long"])]
    [InlineData("move-publish", Traits = ["Category", "Long"])]
    [InlineData("move-clean")]
    public async Task A_mover_killed_at_any_step_is_carried_on_by_ops_resume(string step)
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var slots = await cluster.SlotsOfFirstAsync(20);

        await cluster.KillAsync(["move", slots, "--to", "s2", "--yes"], step);
        Assert.Contains("unfinished", (await cluster.RunAsync("ops", "list")).Succeeds().Out, StringComparison.Ordinal);
        (await cluster.RunAsync("move", slots, "--to", "s2", "-y")).Fails(ExitCode.Conflict, "ops resume");
        await cluster.ResumeAsync("ops", "resume");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    /// <summary>Nobody took over: it is still its own, so it begins again instead of telling that another process has it.</summary>
    [Fact]
    public async Task A_mover_that_slept_through_its_own_freeze_begins_the_batch_again()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var mover = AdminChild.Start(cluster, ["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-drain:stop");
        var id = await cluster.OperationAsync();
        await PhaseAsync("frozen");
        await PhaseAsync("copying"); // a write that came after its deadline ended the freeze

        await Eventually.ThatAsync(
            () =>
            {
                mover.Resume(); // now, and where it stops itself once more
                return mover.HasExited;
            },
            TimeSpan.FromSeconds(60), "the move ends");

        Assert.True(mover.ExitCode == 0, mover.Output);
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);

        Task PhaseAsync(string phase) => Eventually.ThatAsync(
            async () => (await cluster.ShowAsync(id)).GetProperty("batchList")[0].GetProperty("phase").GetString() == phase, TimeSpan.FromSeconds(60), $"the batch is {phase}");
    }

    /// <summary>Rows that are deleted in one shard while their slot is copied to another would stand there again.</summary>
    [Fact]
    public async Task A_collection_is_not_deleted_while_slots_move()
    {
        await using var cluster = await WithCollectionAsync(2);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(5), "--to", "s2", "--yes"], "move-copy");
        var name = (await cluster.RunAsync("collections", "list", "-o", "json")).Succeeds().Json.GetProperty("collections")[0].GetProperty("name").GetString()!;

        (await cluster.RunAsync("collections", "delete", name, "--yes")).Fails(ExitCode.Conflict, "ops resume");

        (await cluster.RunAsync("collections", "list")).Succeeds("live");
        await cluster.ResumeAsync("ops", "resume");
        (await cluster.RunAsync("collections", "delete", name, "--yes")).Succeeds();
    }

    [Fact]
    public async Task An_operation_that_was_killed_can_be_cancelled_and_its_slots_stay()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-catchup");
        var before = (await cluster.RingAsync())!;
        var id = (await cluster.RunAsync("ops", "list", "-o", "json")).Json.GetProperty("operations")[0].GetProperty("id").GetString()!;

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batch");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.Equal(before.Owners, (await cluster.AssertSoundAsync(2)).Owners);
        await cluster.AssertNoLeftOversAsync(2);
    }

    /// <summary>Nothing can be taken back any more, and nothing is left lying about either.</summary>
    [Fact]
    public async Task Cancelling_an_operation_that_was_killed_before_it_cleaned_cleans_up_after_it()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-clean");
        var id = (await cluster.RunAsync("ops", "list", "-o", "json")).Json.GetProperty("operations")[0].GetProperty("id").GetString()!;

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 0 batches");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("move-own")]
    [InlineData("move-publish", Traits = ["Category", "Long"])]
    public async Task Add_shard_on_a_cluster_with_data_moves_its_share_under_writers_and_repeating_completes_a_kill(string? step)
    {
        await using var cluster = await WithCollectionAsync(1);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.NewDatabaseAsync();
        // The weight keeps the share small: 16384 / 41 slots are two batches.
        (await cluster.RunAsync("rebalance", "--weight", "s1=40", "-y")).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(2))).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        if (step is not null)
            await cluster.KillAsync(cluster.AddArguments(2, "--yes"), step);

        await cluster.ResumeAsync(cluster.AddArguments(2, "--yes"));

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.InRange((await cluster.AssertSoundAsync(2)).SlotsOf(Second).Length, 399, 400);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Remove_shard_moves_everything_away_and_the_last_one_is_refused()
    {
        await using var cluster = await WithCollectionAsync(1);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync("rebalance", "--weight", "s1=100", "-y")).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(2, "--yes"))).Succeeds();
        (await cluster.RunAsync("remove-shard", "s2", "--force-empty")).Fails(ExitCode.Precondition, "owns");
        await cluster.KillAsync(["remove-shard", "s2", "--yes"], "drained");

        (await cluster.RunAsync("remove-shard", "s2", "--yes")).Succeeds("out of the ring");

        (await cluster.RunAsync("remove-shard", "s2", "--yes")).Fails(ExitCode.NotFound);
        (await cluster.RunAsync("remove-shard", "s1", "--yes")).Fails(ExitCode.Precondition, "last");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(1);
        await cluster.AssertNoLeftOversAsync(2);
    }

    /// <summary>A shard that died before it was given anything must not keep what was on its way to it in the journals for ever.</summary>
    [Fact]
    public async Task A_shard_that_is_gone_for_good_while_slots_are_on_their_way_to_it_is_removed_and_they_stay_where_they_are()
    {
        await using var cluster = await WithCollectionAsync(1);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(2, "--yes", "--no-rebalance"))).Succeeds();
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-copy");
        await cluster.Database(2).DisposeAsync();
        (await cluster.RunAsync("remove-shard", "s2", "--force-empty", "--dry-run")).Succeeds("1 batch");

        (await cluster.RunAsync("remove-shard", "s2", "--force-empty")).Succeeds("out of the ring", "stay where they are");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(1);
        await cluster.AssertSoundAsync(1);
        await cluster.AssertNoLeftOversAsync(1);
    }

    private Task<AdminCluster> WithCollectionAsync(int shards) => MovingCluster.StartAsync(postgres, redis, shards);
}
