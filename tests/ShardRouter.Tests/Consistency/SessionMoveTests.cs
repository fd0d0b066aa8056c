using System.Text.RegularExpressions;
using TestCluster;
using static ShardRouter.Tests.Consistency.StandbyCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>A slot is handed over while the standby of its old owner applies nothing, so that it says "owned" all the time.</summary>
public sealed partial class SessionMoveTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private StandbyCluster _own = null!;

    private ApiCollection Items => _own.Items;

    private SeededCluster Cluster => _own.Cluster;

    public async ValueTask InitializeAsync() => _own = await StandbyCluster.StartAsync(postgres, redis);

    [Fact]
    public async Task A_slot_that_came_back_is_not_read_as_of_before_it_left()
    {
        var pk = Cluster.PartitionOf("s1");
        await _own.PauseReplayAsync();
        await HandOver.RunAsync(Cluster, pk, "s2");
        var put = (await Items.PutAsync(pk, "x", """{"n":1}""", Session, ("Prefer", "shard-route"))).Expect(200);
        Assert.StartsWith("shard=s2;", put["Shard-Route"], StringComparison.Ordinal);
        await HandOver.RunAsync(Cluster, pk, "s1");

        ApiReply read = null!;
        await Eventually.ThatAsync(
            async () =>
            {
                read = await Items.GetAsync(pk, "x", AtOnce(put));
                Assert.Equal((1, "primary"), (read.N(), read.From()));
                return await _own.FallbacksAsync("OlderOwnership") > 0;
            },
            Limit, "the standby was asked, and says that it owns the slot");
        var list = (await Items.Api.GetAsync(Items.AddressOf(pk), AtOnce(put))).Expect(200);
        Assert.Equal(1, list.Json.GetProperty("items")[0].GetProperty("doc").GetProperty("n").GetInt32());
        var batch = await Items.Api.PostAsync(Items.Address + ":batchGet", $$"""{"keys":[{"pk":"{{pk}}","id":"x"}]}""", AtOnce(put));
        Assert.Equal(1, batch.Expect(200).Json.GetProperty("results")[0].GetProperty("doc").GetProperty("n").GetInt32());
        Assert.Equal(0, (await FromStandbyAsync(pk, Session)).N()); // a stranger

        await _own.ResumeReplayAsync();
        await _own.CaughtUpAsync();
        Assert.Equal(1, (await FromStandbyAsync(pk, read.Next())).N());
    }

    [Fact]
    public async Task A_router_with_an_old_ring_does_not_read_the_slot_at_its_old_owner()
    {
        var pk = Cluster.PartitionOf("s1");
        await _own.PauseReplayAsync();
        await HandOver.RunAsync(Cluster, pk, "s2");
        var put = (await Items.PutAsync(pk, "x", """{"n":1}""", Session)).Expect(200);

        for (var i = 0; i < 20; i++)
            Assert.Equal(1, (await Items.GetAsync(pk, "x", AtOnce(put))).N());
        Assert.Equal(0, (await FromStandbyAsync(pk, Session)).N()); // whoever knows nothing may be told of before
    }

    /// <summary>Both hand-overs take the ring's next epoch, as two movers do at the same time.</summary>
    [Fact]
    public async Task Another_slot_under_the_same_epoch_says_nothing_of_this_one()
    {
        var (first, second) = (Cluster.PartitionOf("s1", 1), Cluster.PartitionOf("s1", 2));
        (await Items.PutAsync(second, "x", """{"n":0}""")).Expect(201);
        await HandOver.RunAsync(Cluster, first, "s2");
        var begun = (await Items.PutAsync(first, "x", """{"n":0}""", Session)).Expect(201);
        await _own.CaughtUpAsync();
        var known = await FromStandbyAsync(second, begun.Next()); // the standby has all that this session can know

        await _own.PauseReplayAsync();
        await HandOver.RunAsync(Cluster, second, "s2");
        var put = (await Items.PutAsync(second, "x", """{"n":1}""", known.Next())).Expect(200);
        Assert.Matches(@"@2\..*@2\.", put.Token());

        for (var i = 0; i < 20; i++)
            Assert.Equal(1, (await Items.GetAsync(second, "x", AtOnce(put))).N());
    }

    [Fact]
    public async Task A_slot_that_the_standby_has_given_away_is_read_at_its_owner()
    {
        var pk = Cluster.PartitionOf("s1");
        await HandOver.RunAsync(Cluster, pk, "s2");
        await _own.CaughtUpAsync();

        var read = await Items.GetAsync(pk, "x", Eventual, ("Prefer", "shard-route"));

        Assert.Equal((0, "primary"), (read.N(), read.From()));
        Assert.StartsWith("shard=s2;", read["Shard-Route"], StringComparison.Ordinal);
        await Eventually.ThatAsync(
            async () => (await Items.GetAsync(pk, "x", Eventual)).N() == 0 && await _own.FallbacksAsync("Fence") > 0, Limit, "the standby was asked");
    }

    /// <summary>
    /// The session's next request, if its write had gone to s2 at once: a router with the new ring does not ask s1 first. This one
    /// has, and so the token would have a place of s1 from after the hand-over.
    /// </summary>
    private static (string, string)[] AtOnce(ApiReply write) => [Session, ("Session-Token", FirstShard().Replace(write.Token(), ""))];

    [GeneratedRegex(@"\.s1:1:[0-9A-F]+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex FirstShard();

    private Task<ApiReply> FromStandbyAsync(string pk, params (string, string)[] with) =>
        new Func<Task<ApiReply>>(() => Items.GetAsync(pk, "x", with)).FromStandbyAsync();

    public ValueTask DisposeAsync() => _own.DisposeAsync();
}
