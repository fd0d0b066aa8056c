using System.Globalization;
using Npgsql;
using ShardAdmin.Failures;
using ShardAdmin.Tests.History;
using ShardAdmin.Tests.Moves;
using ShardCore.Ring;
using TestCluster;
using Workbench;

namespace ShardAdmin.Tests.Moves;

/// <summary>s2 has two hosts, and fails over in the middle of moves to it and from it. The addresses stay as they are.</summary>
public sealed class FailoverMoveTests(SharedPostgres postgres, SharedRedis redis)
{
    [Theory]
    [InlineData("move-copy", true, Traits = ["Category", "Long"])]
    [InlineData("move-drain", true)]
    [InlineData("move-own", true, Traits = ["Category", "Long"])]
    [InlineData("move-copy", false, Traits = ["Category", "Long"])]
    [InlineData("move-drain", false)]
    [InlineData("move-release", false, Traits = ["Category", "Long"])]
    [InlineData("move-own", false, Traits = ["Category", "Long"])]
    public async Task A_move_goes_on_at_the_new_primary_and_nothing_is_lost(string step, bool toSecond)
    {
        await using var own = await WatchedCluster.StartAsync(postgres, redis);
        await using var standby = await own.Server.StartStandbyAsync("b");
        await standby.MakeSynchronousAsync();
        (await own.Cluster.RunAsync(
            "relocate", "s2", "--host", $"{standby.Server.Host}:{standby.Server.Port},{own.Server.Host}:{own.Server.Port}")).Succeeds();
        foreach (var shard in (int[])[1, 2])
            await own.Cluster.FillAsync(shard, 2000);
        var before = await ItemsAsync(own, own.Server);
        var to = toSecond ? "s2" : "s1";
        var slots = await own.Cluster.Database(toSecond ? 1 : 2).ScalarAsync<string>(
            "select string_agg(slot::text, ',') from (select distinct slot from sharding.item order by slot limit 64) s");
        await using var mover = AdminChild.Start(own.Cluster, ["move", slots!, "--to", to, "--yes"], $"{step}:stop");
        await Eventually.ThatAsync(() => ProcessTree.IsStopped(mover.Id), WatchedCluster.Limit, $"the mover is at {step}");
        var operation = await own.Cluster.OperationAsync();

        await own.Server.KillAsync();
        await standby.PromoteAsync();
        await Eventually.ThatAsync(
            () =>
            {
                mover.Resume(); // each attempt stops at the step again
                return mover.HasExited;
            },
            WatchedCluster.Limit, "the mover ends");
        if (mover.ExitCode != 0)
            await own.Cluster.ResumeAsync("ops", "resume", operation);

        (await own.Cluster.RunAsync("verify")).Succeeds("ok");
        Assert.Equal(before, await ItemsAsync(own, standby.Server));
        var ring = (await own.Cluster.RingAsync())!;
        Assert.All(slots!.Split(','), slot => Assert.Equal(to, ring.OwnerOf(new Slot(int.Parse(slot, CultureInfo.InvariantCulture))).Id.Value));
        var doctor = await own.Cluster.RunAsync("doctor", "-o", "json");
        Assert.DoesNotContain("\"failed\"", doctor.Out, StringComparison.Ordinal);
    }

    /// <summary>In slots that their shard owns, in both shards together.</summary>
    private static async Task<long> ItemsAsync(WatchedCluster own, PostgresServer second)
    {
        const string Sql = "select count(*) from sharding.item i join sharding.slot_ownership o using (slot) where o.state = 'owned'";
        await using var connection = new NpgsqlConnection(second.ConnectionString(own.Cluster.Database(2).Name));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(Sql, connection);
        return await own.Cluster.Database(1).ScalarAsync<long>(Sql) + (long)(await command.ExecuteScalarAsync())!;
    }
}
