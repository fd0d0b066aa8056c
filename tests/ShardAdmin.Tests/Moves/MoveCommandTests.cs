using System.Diagnostics;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Moving slots with data, by the commands, under writers.</summary>
public sealed class MoveCommandTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly ShardId Second = new("s2");

    [Fact]
    public async Task Slots_move_under_writers_and_nothing_is_lost_and_the_operation_is_on_record()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var pk = Enumerable.Range(0, 20).Select(number => $"p{number}").First(key => cluster.RingAsync().Result!.OwnerOf(SlotHash.Of(key)).Id != Second);
        var slot = SlotHash.Of(pk).Value;

        (await cluster.RunAsync("move", "--pk", pk, "--to", "s2")).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        (await cluster.RunAsync("move", "--pk", pk, "--to", "s2", "-n")).Succeeds("1 slots would move");
        var moved = (await cluster.RunAsync("move", "--pk", pk, "--to", "s2", "-y", "--rate", "10MiB/s", "--max-pause", "400ms", "-o", "json")).Succeeds();

        Assert.Equal(1, moved.Json.GetProperty("movedSlots").GetInt32());
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
    [InlineData("moves-planned")]
    [InlineData("move-copy")]
    [InlineData("move-drain")]
    [InlineData("move-own")]
    [InlineData("move-publish")]
    [InlineData("move-clean")]
    public async Task A_mover_killed_at_any_step_is_carried_on_by_ops_resume(string step)
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var slots = await SlotsOfFirstAsync(cluster, 20);

        await KillAsync(cluster, ["move", slots, "--to", "s2", "--yes"], step);
        Assert.Contains("unfinished", (await cluster.RunAsync("ops", "list")).Succeeds().Out, StringComparison.Ordinal);
        (await cluster.RunAsync("move", slots, "--to", "s2", "-y")).Fails(ExitCode.Conflict, "ops resume");
        await ResumeAsync(cluster, "ops", "resume");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await AssertNoLeftOversAsync(cluster, 2);
    }

    [Fact]
    public async Task An_operation_that_was_killed_can_be_cancelled_and_its_slots_stay()
    {
        await using var cluster = await WithCollectionAsync(2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await KillAsync(cluster, ["move", await SlotsOfFirstAsync(cluster, 20), "--to", "s2", "--yes"], "move-catchup");
        var before = (await cluster.RingAsync())!;
        var id = (await cluster.RunAsync("ops", "list", "-o", "json")).Json.GetProperty("operations")[0].GetProperty("id").GetString()!;

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batches");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.Equal(before.Owners, (await cluster.AssertSoundAsync(2)).Owners);
        await AssertNoLeftOversAsync(cluster, 2);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("move-own")]
    [InlineData("move-publish")]
    public async Task Add_shard_on_a_cluster_with_data_moves_its_share_under_writers_and_repeating_completes_a_kill(string? step)
    {
        await using var cluster = await WithCollectionAsync(1);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await cluster.NewDatabaseAsync();
        // The weight keeps the share small: 16384 / 41 slots are two batches.
        (await cluster.RunAsync("rebalance", "--weight", "s1=40", "-y")).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(2))).Fails(ExitCode.Usage, "--yes", "Nothing was changed");
        if (step is not null)
            await KillAsync(cluster, cluster.AddArguments(2, "--yes"), step);

        await ResumeAsync(cluster, cluster.AddArguments(2, "--yes"));

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        Assert.InRange((await cluster.AssertSoundAsync(2)).SlotsOf(Second).Length, 399, 400);
        await AssertNoLeftOversAsync(cluster, 2);
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
        await KillAsync(cluster, ["remove-shard", "s2", "--yes"], "drained");

        (await cluster.RunAsync("remove-shard", "s2", "--yes")).Succeeds("out of the ring");

        (await cluster.RunAsync("remove-shard", "s2", "--yes")).Fails(ExitCode.NotFound);
        (await cluster.RunAsync("remove-shard", "s1", "--yes")).Fails(ExitCode.Precondition, "last");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(1);
        await AssertNoLeftOversAsync(cluster, 2);
    }

    private async Task<AdminCluster> WithCollectionAsync(int shards)
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, shards);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        return cluster;
    }

    private static async Task<string> SlotsOfFirstAsync(AdminCluster cluster, int partitions)
    {
        var ring = (await cluster.RingAsync())!;
        return string.Join(',', Enumerable.Range(0, partitions).Select(number => SlotHash.Of($"p{number}")).Where(slot => ring.OwnerOf(slot).Id != Second).Distinct().Order());
    }

    /// <summary>The server may take a moment to notice that the killed process's lock is gone.</summary>
    private static async Task ResumeAsync(AdminCluster cluster, params string[] arguments)
    {
        AdminRun? run = null;
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(20); await Task.Delay(200))
            if ((run = await cluster.RunAsync(arguments)).Exit != ExitCode.Conflict)
                break;
        run!.Succeeds();
    }

    private static async Task KillAsync(AdminCluster cluster, string[] arguments, string step)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ShardAdminApp).Assembly.Location, .. arguments]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["SHARDING_REDIS"] = cluster.Redis;
        start.Environment["SHARDING_CLUSTER"] = cluster.Name;
        start.Environment["SHARDING_FAILPOINT"] = step + ":kill";
        using var process = Process.Start(start)!;
        var told = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 137, $"{step} was not reached: exit {process.ExitCode}. {string.Join(' ', await told)}");
    }

    private static async Task AssertNoLeftOversAsync(AdminCluster cluster, int shards)
    {
        for (var number = 1; number <= shards; number++)
            Assert.Equal(0L, await cluster.Database(number).ScalarAsync<long>("""
                select (select count(*) from sharding.move) + (select count(*) from sharding.move_import) + (select count(*) from pg_publication)
                     + (select count(*) from pg_replication_slots where database = current_database())
                     + (select count(*) from sharding.slot_ownership where state in ('frozen', 'importing') or move_id is not null)
                """));
    }
}
