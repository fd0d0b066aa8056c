using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>A shard that goes away while slots are on their way to it.</summary>
public sealed class LostShardTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_move_whose_target_stays_away_ends_with_7_names_both_shards_and_is_resumed()
    {
        await using var server = await PostgresProvider.Default.StartAsync();
        await using var cluster = await MovingCluster.StartWithOwnServerAsync(postgres, redis, server);
        var planned = await cluster.RunAsync("move", await cluster.FirstFilledSlotsAsync(), "--to", "s2", "--yes", "--detach", "-o", "json");
        var id = planned.Succeeds().Json.GetProperty("operation").GetString()!;
        await using var mover = AdminChild.Start(cluster, ["ops", "resume", id, "--rate", "256KiB/s"]);
        await Eventually.ThatAsync(
            async () => mover.HasExited ? throw new InvalidOperationException(mover.Output) : (await cluster.ShowAsync(id)).GetProperty("batchList")[0].GetProperty("step").GetString() == "copy",
            Limit, "the batch is copied");

        await server.StopAsync(PostgresShutdown.Fast);

        await mover.WaitForExitAsync(Limit);
        Assert.True(mover.ExitCode == (int)ExitCode.CannotReach, mover.Output);
        Assert.True(mover.Output.Contains("error: Batch 1, s1 → s2: ", StringComparison.Ordinal), mover.Output);
        Assert.Contains($"shardadmin ops resume {id}", mover.Output, StringComparison.Ordinal);
        await server.StartAsync();
        Assert.NotEqual("", (await cluster.ShowAsync(id)).GetProperty("batchList")[0].GetProperty("problem").GetString() ?? "");
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }
}
