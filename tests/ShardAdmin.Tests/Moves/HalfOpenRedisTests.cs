using System.Diagnostics;
using ShardAdmin.Failures;
using TestCluster;

namespace ShardAdmin.Tests.Moves;

/// <summary>Redis falls silent under a move: lines look established, and nothing comes.</summary>
public sealed class HalfOpenRedisTests(SharedPostgres postgres, SharedRedis redis)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task A_move_ends_with_7_leaves_each_slot_its_owner_and_is_resumed_over_a_new_line()
    {
        var server = await redis.ServerAsync();
        await using var relay = new TcpRelay(server.Host, server.Port);
        await using var cluster = await AdminCluster.NewAsync(postgres, $"127.0.0.1:{relay.Port}", databases: 2);
        (await cluster.RunAsync(cluster.InitArguments(2))).Succeeds();
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await cluster.FillAsync(1, rows: 150, docBytes: 20_000); // about half of them are s1's: six seconds at this rate
        await using var writers = await FollowingWriters.StartAsync(cluster, 20);
        var slots = await cluster.FirstFilledSlotsAsync();
        var id = (await cluster.RunAsync("move", slots, "--to", "s2", "--yes", "--detach", "-o", "json")).Succeeds().Json.GetProperty("operation").GetString()!;
        await using var mover = AdminChild.Start(cluster, ["ops", "resume", id, "--rate", "256KiB/s"]);
        await cluster.StepReachedAsync(id, "copy");

        relay.FallSilent();

        await mover.WaitForExitAsync(Limit);
        Assert.True(mover.ExitCode == (int)ExitCode.CannotReach, mover.Output);
        Assert.Contains($"Redis at {cluster.Redis} does not answer", mover.Output, StringComparison.Ordinal);
        Assert.Contains($"shardadmin ops resume {id}", mover.Output, StringComparison.Ordinal);
        Assert.Equal(0L, await SlotsAsync(cluster, "frozen") + await SlotsAsync(cluster, "importing"));
        Assert.Equal(16384L, await SlotsAsync(cluster, "owned"));
        await writers.SomeAsync();
        var clock = Stopwatch.StartNew();
        (await cluster.RunAsync("ops", "resume", id)).Fails(ExitCode.CannotReach, "does not answer");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        relay.MendForNewLines();
        await cluster.ResumeAsync("ops", "resume", id, "--rate", "none");
        await writers.AssertNothingLostAsync(2);
        await cluster.AssertSoundAsync(2);
        await cluster.AssertNoLeftOversAsync(2);
    }

    private static async Task<long> SlotsAsync(AdminCluster cluster, string state)
    {
        var sql = $"select count(*) from sharding.slot_ownership where state = '{state}'";
        return await cluster.Database(1).ScalarAsync<long>(sql) + await cluster.Database(2).ScalarAsync<long>(sql);
    }
}
