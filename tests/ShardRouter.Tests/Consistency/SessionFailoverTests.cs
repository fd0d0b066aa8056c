using TestCluster;
using static ShardRouter.Tests.Consistency.StandbyCluster;

namespace ShardRouter.Tests.Consistency;

/// <summary>A standby takes over: sessions go on if it has what they know, and are told if it has not.</summary>
public sealed class SessionFailoverTests(SharedPostgres postgres, SharedRedis redis)
{
    [Fact]
    public async Task Sessions_whose_last_write_was_lost_are_told_and_nothing_is_read_or_applied()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var (items, pk, other) = (own.Items, own.Cluster.PartitionOf("s1"), own.Cluster.PartitionOf("s2"));
        var kept = (await items.PutAsync(pk, "x", """{"n":1}""", Session)).Expect(200);
        await own.CaughtUpAsync();
        await own.Standby.StopReceivingAsync();
        var lost = (await items.PutAsync(pk, "x", """{"n":2}""", kept.Next())).Expect(200);
        await own.Standby.PromoteInPlaceAsync();
        await ServedAsync(items, pk);

        foreach (var reply in new[]
        {
            await items.GetAsync(pk, "x", lost.Next()), await items.GetAsync(pk, "x", ("Session-Token", lost.Token())),
            await items.GetAsync(pk, "x", Eventual, ("Session-Token", lost.Token())), await items.Api.GetAsync(items.AddressOf(pk), lost.Next()),
            await items.PutAsync(pk, "x", """{"n":3}""", lost.Next()), await items.DeleteAsync(pk, "x", ("Session-Token", lost.Token())),
            await items.Api.PostAsync(items.Address + ":batchGet", $$"""{"keys":[{"pk":"{{pk}}","id":"x"}]}""", lost.Next()),
            await items.Api.PostAsync(items.Address + ":batchWrite", $$"""{"ops":[{"op":"delete","pk":"{{pk}}","id":"x"}]}""", lost.Next()),
            await items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"delete","collection":"{{items.Name}}","id":"x"}]}""", lost.Next()),
            await items.GetAsync(other, "x", lost.Next()), await items.PutAsync(other, "x", "{}", lost.Next()), // what it knows of s1 is lost here too
        })
        {
            reply.ExpectProblem(409, "session-lost");
            Assert.Contains("Shard s1 ", reply.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
        Assert.Equal(1, (await items.GetAsync(pk, "x")).N());
        Assert.Equal(404, (await items.GetAsync(other, "x")).Status);

        var goesOn = await items.GetAsync(pk, "x", kept.Next());
        Assert.Equal(1, goesOn.N());
        Assert.Matches(@"\.s1:2:[0-9A-F]+$", goesOn.Token());
        var later = (await items.PutAsync(pk, "x", """{"n":4}""", goesOn.Next())).Expect(200);
        Assert.Equal(4, (await items.GetAsync(pk, "x", later.Next())).N());
        // Tokens of both sides of the loss, together: the later one does not hide it.
        (await items.GetAsync(pk, "x", Session, ("Session-Token", $"{lost.Token()},{later.Token()}"))).ExpectProblem(409, "session-lost");
    }

    [Fact]
    public async Task Sessions_that_lost_nothing_go_on_and_the_new_primary_is_no_standby_any_more()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var (items, pk) = (own.Items, own.Cluster.PartitionOf("s1"));
        var put = (await items.PutAsync(pk, "x", """{"n":1}""", Session)).Expect(200);
        await own.CaughtUpAsync();
        var read = await new Func<Task<ApiReply>>(() => items.GetAsync(pk, "x", put.Next())).FromStandbyAsync();
        Assert.Equal(1, read.N());

        await own.Primary.KillAsync();
        await own.Standby.PromoteAsync();
        await ServedAsync(items, pk);

        var after = await items.GetAsync(pk, "x", read.Next());
        Assert.Equal((1, "primary"), (after.N(), after.From()));
        Assert.Matches(@"\.s1:2:[0-9A-F]+$", after.Token());
        var again = (await items.PutAsync(pk, "x", """{"n":2}""", after.Next())).Expect(200);
        Assert.Equal((2, "primary"), ((await items.GetAsync(pk, "x", again.Next())).N(), (await items.GetAsync(pk, "x", Eventual)).From()));
    }

    [Fact]
    public async Task A_standby_of_a_server_that_was_replaced_is_not_read()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis, "b", "c");
        var (items, pk) = (own.Items, own.Cluster.PartitionOf("s1"));
        var before = (await items.PutAsync(pk, "x", """{"n":1}""", Session)).Expect(200);
        await own.CaughtUpAsync();

        await own.Standby.PromoteAsync(); // c follows the old primary, and both live
        await Eventually.ThatAsync(
            async () => (await items.PutAsync(pk, "x", """{"n":2}""", ("Prefer", "shard-route"))).Status == 200
                && await own.Standby.Server.ScalarAsync<bool>("select not pg_is_in_recovery()")
                && (await items.GetAsync(pk, "x", Session)).Token().Contains(".s1:2:", StringComparison.Ordinal),
            Limit, "the promoted standby is written to");
        var put = (await items.PutAsync(pk, "x", """{"n":3}""", before.Next())).Expect(200);
        for (var end = DateTime.UtcNow.AddSeconds(3); DateTime.UtcNow < end;)
        {
            var eventual = await items.GetAsync(pk, "x", Eventual);
            Assert.Equal((3, "primary"), (eventual.N(), eventual.From()));
            Assert.Equal(3, (await items.GetAsync(pk, "x", put.Next())).N());
        }
    }

    [Fact]
    public async Task Reads_go_on_while_a_standby_is_promoted()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var (items, pk) = (own.Items, own.Cluster.PartitionOf("s1"));
        using var stop = new CancellationTokenSource();
        var reading = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                Assert.Equal(0, (await items.GetAsync(pk, "x", Eventual)).N());
        });

        await own.Standby.PromoteAsync(); // the old primary lives
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);

        await stop.CancelAsync();
        await reading;
    }

    [Fact]
    public async Task A_token_of_a_later_timeline_is_answered_by_no_server_of_an_earlier_one()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var items = own.Items;
        foreach (var (pk, shard) in new[] { (own.Cluster.PartitionOf("s1"), "s1"), (own.Cluster.PartitionOf("s2", 3), "s2") })
        {
            var token = ("Session-Token", $"1.1.{shard}:7:10");
            (await items.GetAsync(pk, "y", token)).ExpectProblem(503, "shard-unavailable");
            (await items.GetAsync(pk, "y", Session, token)).ExpectProblem(503, "shard-unavailable");
            (await items.GetAsync(pk, "y", Eventual, token)).ExpectProblem(503, "shard-unavailable");
            (await items.PutAsync(pk, "y", "{}", token)).ExpectProblem(503, "shard-unavailable");
            (await items.GetAsync(pk, "y")).ExpectProblem(404, "item-not-found");
        }
    }

    [Fact]
    public async Task A_server_that_went_back_on_its_own_timeline_is_found_out()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var items = own.Items;
        foreach (var (pk, shard) in new[] { (own.Cluster.PartitionOf("s1"), "s1"), (own.Cluster.PartitionOf("s2", 3), "s2") })
        {
            var token = ("Session-Token", $"1.1.{shard}:1:FFFFFFFF00000000");
            (await items.GetAsync(pk, "y", token)).ExpectProblem(409, "session-lost");
            (await items.GetAsync(pk, "y", Session, token)).ExpectProblem(409, "session-lost");
            (await items.PutAsync(pk, "y", "{}", token)).ExpectProblem(409, "session-lost");
            (await items.Api.PostAsync(items.Address + ":batchWrite", $$"""{"ops":[{"op":"put","pk":"{{pk}}","id":"y","doc":{} }]}""", token))
                .ExpectProblem(409, "session-lost");
            (await items.GetAsync(pk, "y")).ExpectProblem(404, "item-not-found");
        }
    }

    private static Task ServedAsync(ApiCollection items, string pk) => Eventually.ThatAsync(
        async () => (await items.PutAsync(pk, "probe", "{}", ("Request-Timeout", "1"))).Status is 200 or 201, Limit, "s1 takes writes");
}
