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
        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batches");
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

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds("Cancelled 1 batches");

        await mover.WaitForExitAsync(Limit);
        Assert.Equal((int)ExitCode.Conflict, mover.ExitCode);
        Assert.Contains("was cancelled", mover.Output, StringComparison.Ordinal);
        var shown = await cluster.ShowAsync(id);
        Assert.Equal("cancelled", shown.GetProperty("state").GetString());
        Assert.StartsWith(Environment.UserName, shown.GetProperty("plannedBy").GetString(), StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "resume")).Fails(ExitCode.NotFound);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
