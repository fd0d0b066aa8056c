using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>A shard that lives and lets nobody in: others have all its connections.</summary>
public sealed class TakenConnectionsTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Full = "too many clients already";
    private const string Free = "docs/operations/runbook.md, \"A shard has no connection left\"";

    [Fact]
    public async Task A_move_whose_target_lets_nobody_in_ends_with_7_tells_why_and_is_resumed()
    {
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: TakenConnections.Settings(30)));
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var (id, moving) = await cluster.BeginCopyingAsync(20);

        await using (await TakenConnections.TakeAllAsync(server))
        {
            (await moving).Fails(ExitCode.CannotReach, "Batch 1, s1 → s2: ", Full, Free, $"shardadmin ops resume {id}");
            (await cluster.RunAsync("verify")).Fails(ExitCode.CannotReach, "Shard s2 at ", Full, Free);
            await writers.SomeAsync();
        }

        cluster.Database(2).DataSource.Clear(); // the test's own connections
        Assert.Equal(0L, await cluster.Database(2).ScalarAsync<long>("select count(*) from sharding.slot_ownership where state = 'owned'"));
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await writers.SomeAsync();
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    [Fact]
    public async Task A_move_whose_source_lets_nobody_in_ends_with_7_and_is_not_told_that_another_took_over()
    {
        await using var server = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: TakenConnections.Settings(30)));
        await using var cluster = await AdminCluster.NewAsync(postgres, redis);
        cluster.Adopt(await server.CreateDatabaseAsync());
        await cluster.NewDatabaseAsync();
        (await cluster.RunAsync(cluster.InitArguments(1))).Succeeds();
        await cluster.FillAsync(1, 2000, docBytes: 20_000);
        (await cluster.RunAsync(cluster.AddArguments(2, "--no-rebalance"))).Succeeds();
        var id = await cluster.PlanMoveAsync(await cluster.FirstFilledSlotsAsync(), "s2");
        var moving = cluster.RunAsync("ops", "resume", id, "--rate", "1MiB/s");
        await cluster.StepReachedAsync(id, "copy");

        await using (await TakenConnections.TakeAllAsync(server))
        {
            (await moving).Fails(ExitCode.CannotReach, "Batch 1, s1 → s2: ", Full, Free, $"shardadmin ops resume {id}");
        }

        cluster.Database(1).DataSource.Clear(); // the test's own connections
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await cluster.AssertSoundAsync(2);
    }
}
