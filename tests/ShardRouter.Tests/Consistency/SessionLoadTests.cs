using ShardRouter.Tests.Faults;
using TestCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>Many sessions write and read at the same time, at two routers, while the standby applies what they write.</summary>
[Collection(FaultTests.Name)]
public sealed class SessionLoadTests(SharedPostgres postgres, SharedRedis redis)
{
    private const int Sessions = 24;

    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(4);

    [Fact]
    public async Task No_session_misses_its_own_write_or_goes_back()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        ApiCollection[] routers = [own.Items, await own.ItemsOfNewRouterAsync()];
        var pk = own.Cluster.PartitionOf("s1");
        var end = DateTime.UtcNow + Lasting;
        var (standby, primary) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, Sessions).Select(each => Task.Run(() => RunAsync($"k{each}"))));

        Assert.True(standby > 100, $"The standby answered {standby} of {standby + primary} reads.");

        async Task RunAsync(string id)
        {
            (string, string)[] with = [StandbyCluster.Session];
            for (var n = 1; DateTime.UtcNow < end; n++)
            {
                var put = await routers[n % 2].PutAsync(pk, id, $$"""{"n":{{n}}}""", with);
                Assert.True(put.Status is 200 or 201, put.ToString());
                with = put.Next();
                for (var i = 0; i < 4; i++)
                {
                    var read = await routers[(n + i) % 2].GetAsync(pk, id, with);
                    Assert.Equal(n, read.N());
                    Interlocked.Increment(ref read.From() == "standby" ? ref standby : ref primary);
                    with = read.Next();
                }
            }
        }
    }

    /// <summary>One writes, others only read: what one of them has seen it sees ever after, whoever answers.</summary>
    [Fact]
    public async Task Readers_of_a_changing_item_never_go_back()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis, "b", "c");
        ApiCollection[] routers = [own.Items, await own.ItemsOfNewRouterAsync()];
        var pk = own.Cluster.PartitionOf("s1");
        var end = DateTime.UtcNow + Lasting;
        var (standby, primary) = (0, 0);

        await Task.WhenAll([WriteAsync(), .. Enumerable.Range(0, Sessions).Select(each => Task.Run(() => ReadAsync(each)))]);

        Assert.True(standby > 100, $"Standbys answered {standby} of {standby + primary} reads.");

        async Task WriteAsync()
        {
            for (var n = 1; DateTime.UtcNow < end; n++)
                (await routers[0].PutAsync(pk, "x", $$"""{"n":{{n}}}""")).Expect(200);
        }

        async Task ReadAsync(int each)
        {
            (string, string)[] with = [StandbyCluster.Session];
            for (var (i, seen) = (each, 0); DateTime.UtcNow < end; i++)
            {
                var read = await routers[i % 2].GetAsync(pk, "x", i % 7 == 0 && with.Length > 1 ? with[1..] : with); // now and then a strong one
                Assert.True(read.N() >= seen, $"It had seen {seen} and was shown {read.N()}.");
                seen = read.N();
                Interlocked.Increment(ref read.From() == "standby" ? ref standby : ref primary);
                with = read.Next();
            }
        }
    }
}
