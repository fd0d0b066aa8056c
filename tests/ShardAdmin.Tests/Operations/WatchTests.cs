using System.Text.Json;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Operations;

/// <summary>What a running operation shows to other processes, and how its own process is left.</summary>
public sealed class WatchTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Rows_and_bytes_grow_before_the_eyes_of_another_process_until_the_operation_is_done()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.FillAsync(1, 3000, docBytes: 6000);
        var ring = (await cluster.RingAsync())!;
        var slots = string.Join(',', ring.SlotsOf(ring.Shards[0].Id).Take(256));
        var rows = await cluster.Database(1).ScalarAsync<long>($"select count(*) from sharding.item where slot in ({slots})");
        await using var mover = AdminChild.Start(cluster, ["move", slots, "--to", "s2", "--yes", "--rate", "64KiB/s"]); // a piece of a copy a second
        var id = await cluster.OperationAsync();

        var watched = (await cluster.RunAsync("ops", "watch", "-o", "ndjson")).Succeeds();

        await mover.WaitForExitAsync(Limit);
        var lines = watched.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.All(lines, line => Assert.Equal(id, line.GetProperty("id").GetString()));
        Assert.Contains(lines, line => line.GetProperty("state").GetString() == "running" && line.GetProperty("batchList")[0].GetProperty("step").GetString() == "copy");
        Assert.Equal("done", lines[^1].GetProperty("state").GetString());
        var counts = lines.Select(line => line.GetProperty("rows").GetInt64()).ToArray();
        Assert.Equal(counts.Order(), counts);
        Assert.Contains(counts, count => count > 0 && count < rows);
        Assert.Equal(rows, counts[^1]);
        Assert.True(lines[^1].GetProperty("bytes").GetInt64() > rows * 6000);
        Assert.StartsWith("move ", lines[^1].GetProperty("command").GetString(), StringComparison.Ordinal);
        Assert.StartsWith(Environment.UserName, lines[^1].GetProperty("plannedBy").GetString(), StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "watch")).Fails(ExitCode.NotFound, "nothing to watch");
        (await cluster.RunAsync("ops", "watch", id)).Succeeds($"done: 256 of 256 slots");
    }

    [Fact]
    public async Task Watching_a_cancelled_operation_ends_with_1_and_watching_may_be_given_up()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await cluster.KillAsync(["move", "0-4", "--to", "s2", "--yes"], "moves-planned");
        var id = await cluster.OperationAsync();
        (await cluster.RunAsync("ops", "watch", id, "--timeout", "2s")).Fails(ExitCode.TimedOut, "goes on as before");
        var watching = cluster.RunAsync("ops", "watch", id);

        (await cluster.RunAsync("ops", "cancel", id)).Succeeds();

        Assert.Equal(ExitCode.Failed, (await watching).Exit);
        Assert.Contains("cancelled: 0 of 5 slots", (await watching).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_detaches_in_a_safe_state_and_prints_the_command_that_goes_on()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var mover = AdminChild.Start(cluster, ["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], "move-catchup:pause");
        var id = await cluster.OperationAsync();
        await cluster.StepReachedAsync(id, "catchup");

        mover.Signal(UnixSignal.Interrupt);

        await mover.WaitForExitAsync(Limit);
        Assert.Equal((int)ExitCode.Interrupted, mover.ExitCode);
        Assert.Contains($"shardadmin ops resume {id}", mover.Output, StringComparison.Ordinal);
        Assert.Contains("every slot has an owner", mover.Output, StringComparison.Ordinal);
        var shown = await cluster.ShowAsync(id);
        Assert.Equal("unfinished", shown.GetProperty("state").GetString());
        Assert.Equal(JsonValueKind.Null, shown.GetProperty("mover").ValueKind);
        await writers.SomeAsync();
        (await cluster.RunAsync("ops", "resume", id)).Succeeds();
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_mover_that_reached_the_point_of_no_return_ends_by_Ctrl_C_only_after_its_batch_is_final()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var ring = (await cluster.RingAsync())!;
        await using var mover = AdminChild.Start(cluster, ["move", string.Join(',', ring.SlotsOf(ring.Shards[0].Id).Take(512)), "--to", "s2", "--yes"], "move-own:stop");
        var id = await cluster.OperationAsync();
        await Eventually.ThatAsync(
            async () => (await cluster.ShowAsync(id)).GetProperty("batchList").EnumerateArray().Any(batch => batch.GetProperty("phase").GetString() == "released"),
            Limit, "a batch is released and its mover stopped");

        mover.Signal(UnixSignal.Interrupt);
        await Eventually.ThatAsync(
            () =>
            {
                mover.Resume(); // the failpoint's own stop may come after the first one
                return mover.HasExited;
            },
            Limit, "the mover has ended");

        Assert.Equal((int)ExitCode.Interrupted, mover.ExitCode);
        Assert.Equal(256, (await cluster.ShowAsync(id)).GetProperty("slotsDone").GetInt32());
        (await cluster.RunAsync("verify")).Succeeds("ok");
        (await cluster.RunAsync("ops", "resume", id)).Succeeds();
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public void Time_left_is_told_from_what_was_done_while_we_looked()
    {
        var left = new TimeLeft();
        Assert.Null(left.At(0.2, TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(30), left.At(0.4, TimeSpan.FromSeconds(10)));
        Assert.Equal(TimeSpan.Zero, left.At(1, TimeSpan.FromSeconds(20)));
        Assert.Equal(", about 1 h 2 min left", TimeLeft.Text(new TimeSpan(1, 2, 3)));
        Assert.Equal(", about 5 s left", TimeLeft.Text(TimeSpan.FromSeconds(4.2)));
        Assert.Equal("", TimeLeft.Text(null));
    }
}
