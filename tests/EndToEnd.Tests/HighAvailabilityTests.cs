using TestCluster;

namespace EndToEnd.Tests;

public sealed class HighAvailabilityTests(HaCluster cluster) : IClassFixture<HaCluster>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>For shards that nothing happens to: two cores are shared with the failover.</summary>
    private static readonly TimeSpan LongestElsewhere = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_shard_whose_primary_is_killed_takes_writes_again_within_the_ttl_and_5_s_and_has_every_confirmed_one()
    {
        var before = (await cluster.ShardAsync("s1")).Primary;
        await using var writes = await BeginAsync();
        UnixSignal.Kill.SendTo(before.PatroniPid!.Value);
        UnixSignal.Kill.SendTo(before.Pid!.Value);
        await FollowAsync(writes, before);
    }

    /// <summary>Beside a Postgres that goes on it would have that confirm writes alone for a moment, whoever is the primary by then.</summary>
    [Fact]
    public async Task A_Patroni_that_is_started_again_begins_with_a_stopped_Postgres_and_no_confirmed_write_is_lost()
    {
        var before = (await cluster.ShardAsync("s1")).Primary;
        await using var writes = await BeginAsync();
        UnixSignal.Kill.SendTo(before.PatroniPid!.Value);
        await cluster.MakeWholeAsync();
        await writes.GoOnAsync();
        Assert.DoesNotContain((await cluster.ShardAsync("s1")).Hosts!, host => host.Pid == before.Pid);
        await writes.RequireNoneLostAsync();
        Assert.InRange(writes.Hit.LongestPause, TimeSpan.Zero, await cluster.LongestFailoverAsync());
        await RequireWellAsync();
    }

    [Fact]
    public async Task A_switchover_holds_writes_up_for_a_moment_and_loses_none()
    {
        var before = (await cluster.ShardAsync("s1")).Primary;
        await using var writes = await BeginAsync();
        await cluster.DevAsync("ha", "switchover", "s1");
        await FollowAsync(writes, before);
    }

    [Fact]
    public async Task A_stopped_cluster_comes_back_with_its_data_and_takes_one_more_shard_of_two_hosts()
    {
        await using var writes = await BeginAsync();
        await writes.Other.StopAsync();
        await writes.Hit.StopAsync();
        await cluster.DevAsync("down");
        await cluster.MakeWholeAsync();
        await writes.RequireNoneLostAsync();

        var add = (await cluster.DevAsync("shard", "s3")).TrimEnd().Split('\n')[^1];
        Assert.Matches(@"^\./dev admin add-shard s3 --host 127\.0\.0\.1:\d+,127\.0\.0\.1:\d+ --database sharding$", add);
        await cluster.DevAsync([.. add.Split(' ')[1..], "--yes"]);
        await writes.RequireNoneLostAsync();
        Assert.Equal(2, (await cluster.ShardAsync("s3")).Hosts!.Count);
        await RequireWellAsync();
    }

    private async Task<Writes> BeginAsync()
    {
        var partitions = await cluster.PartitionsAsync(ofEach: 16);
        var writes = new Writes(AcknowledgedWrites.Begin(cluster.Proxy, partitions["s1"]), AcknowledgedWrites.Begin(cluster.Proxy, partitions["s2"]));
        await writes.GoOnAsync();
        return writes;
    }

    /// <summary>Of s1, whose primary was <paramref name="before"/>.</summary>
    private async Task FollowAsync(Writes writes, ClusterStatus.ShardHost before)
    {
        await Eventually.ThatAsync(async () => (await cluster.ShardAsync("s1")).Hosts!.Any(host => host.Role == "primary" && host.Name != before.Name), Limit, "the other host of s1 is its primary");
        await writes.GoOnAsync();
        await cluster.MakeWholeAsync();
        await writes.GoOnAsync();
        await writes.RequireNoneLostAsync();
        Assert.InRange(writes.Hit.LongestPause, TimeSpan.Zero, await cluster.LongestFailoverAsync());
        Assert.InRange(writes.Other.LongestPause, TimeSpan.Zero, LongestElsewhere);
        Assert.Empty(writes.Other.Failures);
        await RequireWellAsync();
    }

    /// <summary>Both commands fail otherwise.</summary>
    private async Task RequireWellAsync()
    {
        await cluster.AdminAsync("verify");
        await cluster.AdminAsync("doctor");
    }

    /// <param name="Hit">Of s1.</param>
    /// <param name="Other">Of s2.</param>
    private sealed record Writes(AcknowledgedWrites Hit, AcknowledgedWrites Other) : IAsyncDisposable
    {
        public async Task GoOnAsync()
        {
            foreach (var each in (AcknowledgedWrites[])[Hit, Other])
            {
                var before = each.Acknowledgements;
                await Eventually.ThatAsync(() => each.Acknowledgements > before + 200, Limit, "200 writes more were acknowledged");
            }
        }

        public async Task RequireNoneLostAsync()
        {
            foreach (var each in (AcknowledgedWrites[])[Hit, Other])
            {
                await each.StopAsync();
                Assert.Empty(await each.LostAsync());
                Assert.DoesNotContain(each.Failures, failure => failure.Contains("did not read back", StringComparison.Ordinal));
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Hit.DisposeAsync();
            await Other.DisposeAsync();
        }
    }
}
