using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Stopping an operation on purpose, from another process than the one that works on it.</summary>
public sealed class PauseTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_paused_mover_stops_in_a_safe_state_and_nothing_goes_on_until_it_is_resumed()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var slots = await cluster.SlotsOfFirstAsync(20);
        await using var mover = AdminChild.Start(cluster, ["move", slots, "--to", "s2", "--yes"], "move-catchup:pause");
        var id = await cluster.OperationAsync();
        await cluster.StepReachedAsync(id, "catchup");
        Assert.Equal("running", (await cluster.ShowAsync(id)).GetProperty("state").GetString());

        (await cluster.RunAsync("ops", "pause", id)).Succeeds("is paused", "ops resume");

        await mover.WaitForExitAsync(Limit);
        Assert.Equal((int)ExitCode.Conflict, mover.ExitCode);
        Assert.Contains("was paused", mover.Output, StringComparison.Ordinal);
        Assert.Contains($"ops resume {id}", mover.Output, StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "list")).Succeeds("paused");
        (await cluster.RunAsync("ops", "show", id)).Succeeds("paused");
        Assert.Contains($"operation {id} paused", (await cluster.RunAsync("status")).Out, StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "pause", id)).Succeeds("is paused");
        await writers.SomeAsync();
        foreach (var command in (string[][])[["rebalance", "-y"], ["remove-shard", "s2", "-y"], ["move", slots, "--to", "s2", "-y"]])
            (await cluster.RunAsync(command)).Fails(ExitCode.Conflict, "paused", $"ops resume {id}");

        (await cluster.RunAsync("ops", "resume", id)).Succeeds("Resumed and completed");

        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
        Assert.Equal("done", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_pause_of_what_nobody_works_on_is_kept_and_an_unknown_operation_is_told()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(5), "--to", "s2", "--yes"], "moves-planned");
        var id = await cluster.OperationAsync();

        (await cluster.RunAsync("ops", "pause", id)).Succeeds("is paused");

        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.AddArguments(3, "-y"))).Fails(ExitCode.Conflict, "paused", $"ops resume {id}");
        (await cluster.RunAsync("ops", "pause", Guid.NewGuid().ToString())).Fails(ExitCode.NotFound, "ops list");
        (await cluster.RunAsync("ops", "pause", "nonsense")).Fails(ExitCode.Usage, "UUID");
        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batch");
        Assert.Equal("cancelled", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_cancel_ends_a_mover_that_runs_and_the_history_tells_of_it()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var mover = AdminChild.Start(cluster, ["move", await cluster.SlotsOfFirstAsync(5), "--to", "s2", "--yes"], "move-copy:pause");
        var id = await cluster.OperationAsync();
        await cluster.StepReachedAsync(id, "copy");

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batch");

        await mover.WaitForExitAsync(Limit);
        Assert.Equal((int)ExitCode.Conflict, mover.ExitCode);
        Assert.Contains("was cancelled", mover.Output, StringComparison.Ordinal);
        var shown = await cluster.ShowAsync(id);
        Assert.Equal("cancelled", shown.GetProperty("state").GetString());
        Assert.StartsWith(Environment.UserName, shown.GetProperty("plannedBy").GetString(), StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "resume")).Fails(ExitCode.NotFound);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_pause_whose_mover_does_not_stop_says_so_with_8_and_holds_all_the_same()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var id = (await cluster.RunAsync("move", "0-4", "--to", "s2", "--yes", "--detach", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;
        await using var mover = AdminChild.Start(cluster, ["ops", "resume", id], "move-import:stop");
        await Eventually.ThatAsync(
            async () => (await cluster.ShowAsync(id)).GetProperty("batchList")[0].GetProperty("phase").GetString() == "copying", 2 * Limit, "the mover has begun, and stopped");

        (await cluster.RunAsync("ops", "pause", id)).Fails(ExitCode.TimedOut, "is paused, but its mover has not stopped", $"ops show {id}");

        Assert.Equal("paused", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batch");
    }

    [Fact]
    public async Task A_dry_run_only_tells_and_a_detached_resume_leaves_it_to_an_agent()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.KillAsync(["move", "0-4", "--to", "s2", "--yes"], "moves-planned");
        var id = await cluster.OperationAsync();

        (await cluster.RunAsync("ops", "pause", id, "-n")).Succeeds("would be paused");
        (await cluster.RunAsync("ops", "cancel", id, "-n")).Succeeds("1 batch", "would be cancelled");
        (await cluster.RunAsync("ops", "resume", "-n")).Succeeds("5 slots");
        await StateAsync("unfinished", attempt: 0);
        (await cluster.RunAsync("ops", "pause", id)).Succeeds();
        (await cluster.RunAsync("ops", "resume", id, "-n")).Succeeds("5 slots");
        await StateAsync("paused", attempt: 0);

        var resumed = (await cluster.RunAsync("ops", "resume", id, "--detach", "-o", "json")).Succeeds();

        Assert.Contains("No agent runs", resumed.Error, StringComparison.Ordinal);
        Assert.Equal((true, 5, 0), (resumed.Json.GetProperty("detached").GetBoolean(), resumed.Json.GetProperty("plannedSlots").GetInt32(), resumed.Json.GetProperty("movedSlots").GetInt32()));
        await StateAsync("unfinished", attempt: 0);
        (await cluster.RunAsync("ops", "resume", Guid.NewGuid().ToString(), "--detach")).Fails(ExitCode.NotFound, "ops list");
        await cluster.ResumeAsync("ops", "resume");
        await cluster.AssertSoundAsync(2);

        async Task StateAsync(string state, int attempt)
        {
            var shown = await cluster.ShowAsync(id);
            Assert.Equal((state, attempt), (shown.GetProperty("state").GetString(), shown.GetProperty("batchList")[0].GetProperty("attempt").GetInt32()));
        }
    }
}
