using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.History;

/// <summary>A shard that came back without its last commits is noticed; one that only failed over or restarted is not reported.</summary>
public sealed class LostCommitsTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task A_crash_and_a_restart_are_no_loss()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var agent = own.StartAgent();
        await own.CommitSeenAsync();

        await own.Server.KillAsync();
        await own.Server.StartAsync();

        await own.CommitSeenAsync();
        Assert.Equal("ok", await own.LevelAsync());
        await own.Server.RestartAsync(PostgresShutdown.Fast);
        await own.CommitSeenAsync();
        Assert.Equal("ok", await own.LevelAsync());
        Assert.DoesNotContain("history:", agent.Output, StringComparison.Ordinal);
        (await own.Cluster.RunAsync("accept-loss", "s2", "--yes")).Succeeds("has every commit that was seen on it");
    }

    [Fact]
    public async Task A_standby_that_has_everything_takes_over_without_a_finding()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await standby.MakeSynchronousAsync();
        await using var agent = own.StartAgent();
        await own.CommitSeenAsync();

        await standby.PromoteInPlaceAsync();

        await own.PositionSeenAsync();
        Assert.Equal(2u, (await own.StoredAsync())!.Value!.Position.Timeline);
        Assert.Equal("ok", await own.LevelAsync());
        Assert.DoesNotContain("history:", agent.Output, StringComparison.Ordinal);
        (await own.Cluster.RunAsync("move", "0-4", "--to", "s2", "--yes")).Succeeds();
    }

    [Fact]
    public async Task A_standby_that_lacks_commits_is_a_finding_and_nothing_moves_until_a_person_accepts_it()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await using (own.StartAgent())
        {
            await standby.CaughtUpAsync();
            await standby.StopReceivingAsync();
            await own.CommitSeenAsync();
        }
        var operation = await own.Cluster.PlanMoveAsync("0-4", "s2");

        await standby.PromoteInPlaceAsync();

        var finding = await own.FindingAsync(); // nobody has noted it; doctor finds it by itself
        Assert.Equal("failed", finding.GetProperty("level").GetString());
        Assert.Contains("s2 lost commits", finding.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("shardadmin accept-loss s2", finding.GetProperty("mend").GetString(), StringComparison.Ordinal);
        var reasons = (await own.Cluster.RunAsync("status", "-o", "json")).Json.GetProperty("reasons").EnumerateArray();
        Assert.Contains(reasons, reason => reason.GetString()!.Contains("accept-loss s2", StringComparison.Ordinal));
        string[][] planning = [["move", "5-9", "--to", "s2"], ["rebalance", "--weight", "s2=50"], ["remove-shard", "s2"]];
        foreach (var command in planning)
            (await own.Cluster.RunAsync([.. command, "--yes"])).Fails(ExitCode.Precondition, "Shard s2 lost commits", "shardadmin accept-loss s2");
        await using var agent = own.StartAgent();
        await own.LossNotedAsync();
        await Eventually.ThatAsync(
            () => agent.Output.Contains("history: Shard s2 lost commits", StringComparison.Ordinal),
            WatchedCluster.Limit, "the agent tells the loss");

        (await own.Cluster.RunAsync("accept-loss", "s2", "--dry-run")).Succeeds("bytes of its log are lost", "Dry run");
        (await own.Cluster.RunAsync("accept-loss", "s2")).Fails(ExitCode.Usage, "--yes");
        Assert.Equal("failed", await own.LevelAsync());
        (await own.Cluster.RunAsync("accept-loss", "s2", "--yes")).Succeeds("Accepted");

        Assert.Equal("ok", await own.LevelAsync());
        await own.Cluster.StateReachedAsync(operation, "done", WatchedCluster.Limit);
        var well = agent.Output.IndexOf("history: well again", StringComparison.Ordinal);
        var began = agent.Output.IndexOf($"carry-on {operation}", StringComparison.Ordinal);
        Assert.True(well >= 0 && well < began, agent.Output);
        await own.CommitSeenAsync();
        Assert.Equal("ok", await own.LevelAsync());
    }

    [Fact]
    public async Task A_restored_copy_is_a_finding_that_stays_when_its_log_grows_beyond_what_was_lost()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await own.Server.StopAsync(PostgresShutdown.Fast);
        var copy = await own.Server.TakeCopyAsync();
        await own.Server.StartAsync();
        await using var agent = own.StartAgent();
        await own.CommitSeenAsync();
        var seen = (await own.StoredAsync())!.Value!.Position;

        await own.Server.KillAsync();
        await own.Server.RestoreCopyAsync(copy);
        await own.Server.StartAsync();
        await own.LossNotedAsync();

        Assert.Contains("and came back at", (await own.FindingAsync()).GetProperty("detail").GetString(), StringComparison.Ordinal);
        own.Cluster.Database(2).DataSource.Clear();
        await own.Cluster.Database(2).ExecuteAsync("create table public.noise as select generate_series(1, 100000)");
        Assert.True(await own.Server.ScalarAsync<NpgsqlTypes.NpgsqlLogSequenceNumber>("select pg_current_wal_flush_lsn()") > seen.Lsn);
        Assert.Equal("failed", await own.LevelAsync());
        (await own.Cluster.RunAsync("accept-loss", "s2", "--yes")).Succeeds();
        await own.CommitSeenAsync();
        Assert.Equal("ok", await own.LevelAsync());
    }

    [Fact]
    public async Task Slots_that_the_loss_left_with_two_owners_are_settled_before_it_is_accepted()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await own.Server.StopAsync(PostgresShutdown.Fast);
        var copy = await own.Server.TakeCopyAsync();
        await own.Server.StartAsync();
        var slot = (await own.Cluster.RingAsync())!.SlotsOf(MovingCluster.Second)[0];
        await using var agent = own.StartAgent();
        (await own.Cluster.RunAsync("move", $"{slot}", "--to", "s1", "--yes")).Succeeds();
        await own.CommitSeenAsync();

        await own.Server.KillAsync();
        await own.Server.RestoreCopyAsync(copy);
        await own.Server.StartAsync();
        await own.LossNotedAsync();

        (await own.Cluster.RunAsync("accept-loss", "s2", "--yes")).Fails(
            ExitCode.Precondition,
            $"Slots {slot} are owned by s1 and s2 at once", "shardadmin ops resume; then: shardadmin accept-loss s2");
        Assert.Equal("failed", await own.LevelAsync());
    }

    [Fact]
    public async Task Nothing_is_known_after_a_flush_of_Redis_until_an_agent_writes_it_again()
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using (own.StartAgent())
            await own.CommitSeenAsync();

        await own.ForgetAsync();

        var finding = await own.FindingAsync();
        Assert.Equal("ok", finding.GetProperty("level").GetString());
        Assert.Contains("No position was seen yet", finding.GetProperty("detail").GetString(), StringComparison.Ordinal);
        await using var agent = own.StartAgent();
        await own.CommitSeenAsync();
        await own.ForgetAsync();
        await own.CommitSeenAsync();
        Assert.Equal("ok", await own.LevelAsync());
        Assert.False(agent.HasExited);
    }
}
