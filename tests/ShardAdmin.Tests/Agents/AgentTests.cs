using System.Diagnostics;
using ShardAdmin.Failures;
using ShardAdmin.Tests.Moves;
using ShardCore.Moves.Batches;
using TestCluster;

namespace ShardAdmin.Tests.Agents;

/// <summary>The service that carries on what nobody works on, as a process of its own.</summary>
public sealed class AgentTests(SharedPostgres postgres, SharedRedis redis, ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>What is promised; the test's machine is busy, so the agents look more often than the default.</summary>
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(10);

    private static readonly string[] Agent = ["agent", "--interval", "1s", "--take-over-after", "3s"];

    /// <summary>The steps that differ most in what a crash leaves.</summary>
    public static TheoryData<string> Steps => ["moves-planned", "move-drain", "move-own"];

    public static TheoryData<string> OtherSteps =>
        [.. Enum.GetValues<MoveStep>().Select(step => "move-" + step.ToString().ToLowerInvariant()).Except(Steps.Select(row => row.Data), StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Steps))]
    [MemberData(nameof(OtherSteps), Traits = ["Category", "Long"])]
    public async Task A_mover_killed_at_any_step_is_carried_on_within_ten_seconds(string step)
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var agent = await StartAsync(cluster);

        await cluster.KillAsync(["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], step);
        var clock = Stopwatch.StartNew();
        await DoneAsync(cluster);
        output.WriteLine($"{step}: done {clock.Elapsed.TotalSeconds:0.0} s after the kill");

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, RecoveryLimit);
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Theory]
    [InlineData("move-copy", Traits = ["Category", "Long"])]
    [InlineData("move-drain")]
    [InlineData("move-own", Traits = ["Category", "Long"])]
    public async Task A_mover_that_was_stopped_is_taken_over_from_and_does_no_harm_when_it_wakes(string step)
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var mover = AdminChild.Start(cluster, ["move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes"], $"{step}:stop");
        var id = await cluster.OperationAsync();
        await using var agent = await StartAsync(cluster);

        await DoneAsync(cluster);

        Assert.Contains($"take-over {id}", agent.Output, StringComparison.Ordinal);
        Assert.False(mover.HasExited);
        mover.Resume();
        await mover.WaitForExitAsync(Limit);
        if (step != "move-own") // there it finds all of it done, by whomever
            Assert.NotEqual(0, mover.ExitCode);
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Of_two_agents_one_works_on_an_operation_and_neither_on_one_that_is_paused()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        var ring = (await cluster.RingAsync())!;
        await cluster.KillAsync(["move", "0-4", "--to", "s2", "--yes"], "moves-planned");
        var paused = await cluster.OperationAsync();
        (await cluster.RunAsync("ops", "pause", paused)).Succeeds();
        await using var one = await StartAsync(cluster);
        await using var two = await StartAsync(cluster);

        var slots = string.Join(',', ring.SlotsOf(ring.Shards[0].Id).Skip(10).Take(600));
        var operation = (await cluster.RunAsync("move", slots, "--to", "s2", "--yes", "--detach", "-o", "json")).Succeeds();
        var id = operation.Json.GetProperty("operation").GetString()!;
        Assert.True(operation.Json.GetProperty("detached").GetBoolean());
        Assert.DoesNotContain("No agent", operation.Error, StringComparison.Ordinal);
        (await cluster.RunAsync("ops", "watch", id)).Succeeds("done: 600 of 600 slots");

        Assert.Single((ChildProcess[])[one, two], agent => agent.Output.Contains($"carry-on {id}", StringComparison.Ordinal));
        Assert.Equal("paused", (await cluster.ShowAsync(paused)).GetProperty("state").GetString());
        Assert.All((ChildProcess[])[one, two], agent => Assert.DoesNotContain(paused, agent.Output, StringComparison.Ordinal));
        (await cluster.RunAsync("ops", "cancel", paused)).Succeeds();
        await StopAsync(one);
        await StopAsync(two);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task Without_an_agent_detaching_says_so_and_an_agent_that_comes_later_removes_the_drained_shard()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 1);
        await cluster.NewDatabaseAsync();
        await cluster.FillAsync(1, 50);
        (await cluster.RunAsync("rebalance", "--weight", "s1=100", "-y")).Succeeds();
        (await cluster.RunAsync(cluster.AddArguments(2, "--yes"))).Succeeds();

        Assert.Contains("No agent runs", (await cluster.RunAsync("remove-shard", "s2", "--yes", "--detach")).Succeeds("ops watch").Error, StringComparison.Ordinal);
        (await cluster.RunAsync("remove-shard", "s2", "--yes", "--detach", "--rate", "1MiB/s")).Fails(ExitCode.Usage, "--rate");
        await using var agent = await StartAsync(cluster);

        await Eventually.ThatAsync(async () => (await cluster.RingAsync())!.Shards.Length == 1, Limit, "the agent has taken s2 out of the ring");
        await cluster.AssertSoundAsync(1);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task An_agent_told_to_stop_ends_in_a_safe_state_and_the_next_goes_on()
    {
        await using var cluster = await MovingCluster.StartAsync(postgres, redis, 2);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        await using var agent = AdminChild.Start(cluster, Agent, "move-catchup:pause");
        var id = (await cluster.RunAsync("move", await cluster.SlotsOfFirstAsync(20), "--to", "s2", "--yes", "--detach", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;
        await cluster.StepReachedAsync(id, "catchup");

        await StopAsync(agent);

        await writers.SomeAsync();
        Assert.Equal("unfinished", (await cluster.ShowAsync(id)).GetProperty("state").GetString());
        await using var next = await StartAsync(cluster);
        await DoneAsync(cluster);
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task An_agent_survives_that_Redis_and_a_shard_are_away_and_goes_on_when_they_are_back()
    {
        await using var ownRedis = await RedisServer.StartNewAsync();
        await using var ownPostgres = await PostgresProvider.Default.StartAsync();
        await using var cluster = await AdminCluster.NewAsync(postgres, ownRedis.Endpoint, 1);
        cluster.Adopt(await ownPostgres.CreateDatabaseAsync());
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        await using var agent = await StartAsync(cluster);
        await ownRedis.StopAsync();
        await ownPostgres.StopAsync(PostgresShutdown.Fast);
        await Eventually.ThatAsync(() => agent.Output.Contains("redis: ", StringComparison.Ordinal) && agent.Output.Contains("shards: ", StringComparison.Ordinal), Limit, "the agent has noticed both");

        await ownRedis.StartAsync();
        await ownPostgres.StartAsync();
        (await cluster.RunAsync("move", "0-4", "--to", "s2", "--yes", "--detach")).Succeeds();

        await DoneAsync(cluster);
        Assert.Contains("redis: well again", agent.Output, StringComparison.Ordinal);
        Assert.False(agent.HasExited);
    }

    private static async Task<ChildProcess> StartAsync(AdminCluster cluster)
    {
        var agent = AdminChild.Start(cluster, Agent);
        await Eventually.ThatAsync(() => agent.Output.Contains("started for the cluster", StringComparison.Ordinal), Limit, "the agent has started");
        return agent;
    }

    private static async Task StopAsync(ChildProcess agent)
    {
        agent.Signal(UnixSignal.Terminate);
        await agent.WaitForExitAsync(Limit);
        Assert.True(agent.ExitCode == 0, agent.Output);
        Assert.Contains("agent: stopped", agent.Output, StringComparison.Ordinal);
    }

    private static Task DoneAsync(AdminCluster cluster) => Eventually.ThatAsync(
        async () =>
        {
            var operations = (await cluster.RunAsync("ops", "list", "-o", "json")).Json.GetProperty("operations");
            return operations.GetArrayLength() > 0 && operations.EnumerateArray().All(each => each.GetProperty("state").GetString() == "done");
        },
        Limit, "every operation is done");
}
