using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>Points are made while slots go back and forth without a pause; each of them is restored.</summary>
public sealed class PointsDuringMovesTests(SharedPostgres postgres, ITestOutputHelper output)
{
    private const int Shards = 2;
    private const int Partitions = 20;
    private const int Points = 4;

    /// <summary>Between the restore points of two shards: some moves could be carried out in that time.</summary>
    private const string FarApart = "backup-pointed:1200ms";

    [Fact]
    public async Task Whatever_point_is_restored_each_slot_has_one_owner_who_has_all_that_was_acknowledged()
    {
        await using var own = await BackedUpCluster.StartAsync(postgres, Shards, async () => await BaseBackup.StartServerAsync());
        await using var writers = await FollowingWriters.StartAsync(own.Cluster, Partitions);
        await own.BackUpAsync();
        var acknowledged = new List<IReadOnlyDictionary<(string Pk, string Id), int>>();
        using var stop = new CancellationTokenSource();
        var moving = MoveBackAndForthAsync(own.Cluster, stop.Token);
        for (var point = 0; point < Points; point++)
        {
            await writers.SomeAsync();
            acknowledged.Add(writers.Acknowledged());
            (await own.PointAsync($"p{point}", FarApart)).Succeeds();
        }
        await stop.CancelAsync();
        output.WriteLine($"{await moving} moves while {Points} points were made");
        await writers.StopAsync();

        await own.LoseServersAsync();
        for (var point = 0; point < Points; point++)
        {
            await own.LoseRedisAsync();
            var at = await own.RestoreAsync($"p{point}");
            await own.FollowAsync($"p{point}", at);
            var stored = await FollowingWriters.StoredAsync(own.Cluster, Shards);
            Assert.All(acknowledged[point], each => Assert.True(stored.TryGetValue(each.Key, out var n) && n >= each.Value, $"{each.Key} "
                + $"had {each.Value} before p{point}"));
            await own.Cluster.AssertNoLeftOversAsync(Shards);
        }
    }

    private static async Task<int> MoveBackAndForthAsync(AdminCluster cluster, CancellationToken stop)
    {
        var moves = 0;
        for (; !stop.IsCancellationRequested; moves++)
        {
            var (from, to) = moves % 2 == 0 ? ("s1", "s2") : ("s2", "s1");
            (await cluster.RunAsync("move", await cluster.SlotsOfAsync(from, Partitions), "--to", to, "--yes", "--batch", "4")).Succeeds();
        }
        return moves;
    }
}
