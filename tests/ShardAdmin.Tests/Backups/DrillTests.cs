using System.Diagnostics;
using ShardAdmin.Tests.Moves;
using TestCluster;

namespace ShardAdmin.Tests.Backups;

/// <summary>Everything is lost, and comes back elsewhere by what was written down: the whole of it with the real tools.</summary>
public sealed class DrillTests(SharedPostgres postgres, ITestOutputHelper output)
{
    private const int Shards = 3;
    private const int Partitions = 40;

    [Fact]
    public async Task Everything_that_was_acknowledged_before_a_point_comes_back_after_all_servers_are_lost()
    {
        await using var own = await StartAsync();
        await using var writers = await FollowingWriters.StartAsync(own.Cluster, Partitions);
        await own.BackUpAsync();
        (await own.Cluster.RunAsync("move", await own.Cluster.SlotsOfFirstAsync(Partitions), "--to", "s2", "--yes")).Succeeds();
        await writers.SomeAsync();

        var acknowledged = writers.Acknowledged();
        (await own.PointAsync("drill")).Succeeds("Backup point drill");
        await writers.SomeAsync();
        (await own.Cluster.RunAsync("move", "0-8000", "--to", "s3", "--yes")).Succeeds(); // of which nothing will be known
        await writers.SomeAsync();
        await writers.StopAsync();

        await ComeBackAsync(own, "drill", acknowledged);
        await own.Cluster.AssertSoundAsync(Shards);
    }

    [Theory]
    [InlineData("move-copy", Traits = ["Category", "Long"])]
    [InlineData("move-publish")]
    public async Task A_move_that_was_interrupted_at_the_point_is_completed_after_the_restore(string step)
    {
        await using var own = await StartAsync();
        await using var writers = await FollowingWriters.StartAsync(own.Cluster, Partitions);
        await own.BackUpAsync();
        await own.Cluster.KillAsync(["move", await own.Cluster.SlotsOfFirstAsync(Partitions), "--to", "s2", "--yes"], step);
        var operation = await own.Cluster.OperationAsync();

        var acknowledged = writers.Acknowledged();
        (await own.PointAsync("interrupted")).Succeeds("Moves are under way");
        await own.Cluster.ResumeAsync("ops", "resume", operation); // and completed, of which nothing will be known
        await writers.SomeAsync();
        await writers.StopAsync();

        await ComeBackAsync(own, "interrupted", acknowledged);
        await own.Cluster.AssertSoundAsync(Shards);
        await own.Cluster.AssertNoLeftOversAsync(Shards);
    }

    private async Task<BackedUpCluster> StartAsync()
    {
        var own = await BackedUpCluster.StartAsync(postgres, Shards, async () => await PgBackRest.StartServerAsync());
        await own.Cluster.FillAsync(1, 2000, docBytes: 500);
        return own;
    }

    private async Task ComeBackAsync(BackedUpCluster own, string point, IReadOnlyDictionary<(string Pk, string Id), int> acknowledged)
    {
        await own.LoseServersAsync();
        await own.LoseRedisAsync();
        var clock = Stopwatch.StartNew();
        var at = await own.RestoreAsync(point);
        var restored = clock.Elapsed;
        await own.FollowAsync(point, at);
        output.WriteLine($"{Shards} shards restored in {restored.TotalSeconds:0.0} s, checked and completed in "
            + $"{(clock.Elapsed - restored).TotalSeconds:0.0} s");
        var stored = await FollowingWriters.StoredAsync(own.Cluster, Shards);
        Assert.All(acknowledged, each => Assert.True(stored.TryGetValue(each.Key, out var n) && n >= each.Value, $"{each.Key} had "
            + $"{each.Value} before the point"));
    }
}
