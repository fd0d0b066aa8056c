using System.Diagnostics;
using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Rings;

/// <summary>A router whose ring is old is turned back by the fence, follows, and answers as if nothing had been.</summary>
public sealed class StaleRingTests(OwnCluster own, SharedPostgres postgres) : IClassFixture<OwnCluster>
{
    private SeededCluster Cluster => own.Cluster;

    private ApiCollection Items => own.Items;

    [Fact]
    public async Task Every_kind_of_request_follows_a_slot_to_its_new_owner_before_any_ring_tells_of_it()
    {
        var pk = Cluster.PartitionOf("s1", 10);
        foreach (var id in new[] { "get", "patch", "delete", "list" })
            (await Items.PutAsync(pk, id, """{"n":1}""")).Expect(201);
        var refusals = await RefusalsAsync();

        await HandOver.RunAsync(Cluster, pk, "s2");

        var got = (await Items.GetAsync(pk, "get", ("Prefer", "shard-route"))).Expect(200);
        Assert.StartsWith("shard=s2;", got["Shard-Route"], StringComparison.Ordinal);
        (await Items.HeadAsync(pk, "get")).Expect(200);
        (await Items.PutAsync(pk, "new", "{}")).Expect(201);
        (await Items.PutAsync(pk, "get", "{}", ("If-Match", got.ETag))).Expect(200);
        (await Items.MergePatchAsync(pk, "patch", """{"m":2}""")).Expect(200);
        (await Items.DeleteAsync(pk, "delete")).Expect(204);
        (await Items.GetAsync(pk, "none")).ExpectProblem(404, "item-not-found");
        (await Items.PostAsync(pk, "{}")).Expect(201);
        Assert.Equal(5, (await Items.ListAsync(pk)).Ids().Length);
        (await Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"patch","path":"n","by":1}]}""")).Expect(200);
        JsonAssert.Equal("""{"n":2,"m":2}""", (await Items.GetAsync(pk, "patch")).Text);
        Assert.Equal(11, await RefusalsAsync() - refusals); // each of the requests above once: the ring led to the old owner
        Assert.Equal(Cluster.Ring.Epoch.Value, await own.Router.EpochAsync());
    }

    [Fact]
    public async Task A_batch_over_moved_and_unmoved_partitions_is_answered_as_one()
    {
        var moved = Cluster.PartitionOf("s1", 11);
        string[] keys = [moved, Cluster.PartitionOf("s1", 12), Cluster.PartitionOf("s2", 12), Cluster.PartitionOf("s3", 12)];
        await HandOver.RunAsync(Cluster, moved, "s3");

        var written = await Items.BatchWriteAsync($$"""{"ops":[{{string.Join(',', keys.Select(pk => $$"""{"op":"put","pk":"{{pk}}","id":"x","doc":{} }"""))}}]}""");
        var read = await Items.BatchGetAsync($$"""{"keys":[{{string.Join(',', keys.Select(pk => $$"""{"pk":"{{pk}}","id":"x"}"""))}}]}""");

        Assert.All(written.Expect(200).Json.GetProperty("results").EnumerateArray(), result => Assert.Equal(201, result.GetProperty("status").GetInt32()));
        Assert.Equal(keys, read.Expect(200).Json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("pk").GetString()));
    }

    [Fact]
    public async Task Once_the_ring_is_published_nobody_is_turned_back_any_more()
    {
        var pk = Cluster.PartitionOf("s2", 13);
        var move = await HandOver.RunAsync(Cluster, pk, "s1");
        (await Items.PutAsync(pk, "x", "{}")).Expect(201);

        await move.PublishAsync();
        await own.RingInUseAsync();

        var before = await RefusalsAsync();
        Assert.StartsWith("shard=s1;", (await Items.GetAsync(pk, "x", ("Prefer", "shard-route"))).Expect(200)["Shard-Route"], StringComparison.Ordinal);
        var unpublished = Cluster.PartitionOf("s2", 18);
        await HandOver.RunAsync(Cluster, unpublished, "s1");
        (await Items.GetAsync(unpublished, "x")).Expect(404);
        Assert.Equal(1, await RefusalsAsync() - before); // this last one, and not the one before
        Assert.Equal("s1", (await own.Router.LocateAsync(pk)).GetProperty("shard").GetString());
    }

    [Fact]
    public async Task A_slot_that_went_on_twice_is_followed_twice()
    {
        var pk = Cluster.PartitionOf("s1", 14);
        (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        await HandOver.RunAsync(Cluster, pk, "s2");
        await HandOver.RunAsync(Cluster, pk, "s3");

        JsonAssert.Equal("""{"n":1}""", (await Items.GetAsync(pk, "x")).Expect(200).Text);
        (await Items.PutAsync(pk, "x", "{}")).Expect(200);
    }

    [Fact]
    public async Task Shards_that_point_at_each_other_are_asked_with_pauses_until_the_hold_limit()
    {
        var pk = Cluster.PartitionOf("s1", 19);
        await HandOver.RunAsync(Cluster, pk, "s2");
        await Cluster["s2"].Database.ExecuteAsync($"update sharding.slot_ownership set state = 'released', peer = 's1' where slot = {ShardCore.Ring.SlotHash.Of(pk)}");
        var before = await RefusalsAsync();

        (await Items.GetAsync(pk, "x")).ExpectProblem(503, "slot-moving");

        Assert.InRange(await RefusalsAsync() - before, 2, 200);
    }

    [Fact]
    public async Task A_slot_on_a_shard_that_the_ring_does_not_know_is_waited_for()
    {
        var pk = Cluster.PartitionOf("s3", 15);
        (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        var added = await Cluster.AddShardAsync(await postgres.CreateShardAsync());
        await added.Database.ExecuteAsync($"insert into sharding.collection (name) values ('{Items.Name}')");
        var move = await HandOver.RunAsync(Cluster, pk, added.Id);

        var read = Items.GetAsync(pk, "x", ("Prefer", "shard-route"));
        var write = Items.PutAsync(pk, "y", "{}");
        await move.PublishAsync();

        Assert.StartsWith("shard=s4;", (await read).Expect(200)["Shard-Route"], StringComparison.Ordinal);
        (await write).Expect(201);
    }

    [Fact]
    public async Task Between_released_and_owned_requests_wait_for_the_new_owner()
    {
        var pk = Cluster.PartitionOf("s1", 16);
        (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();
        await move.ReleaseAsync();

        Task<ApiReply>[] requests = [Items.GetAsync(pk, "x"), Items.PutAsync(pk, "y", "{}"), Items.ListAsync(pk)];
        for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 300;)
            (await Items.ListAsync(Cluster.PartitionOf("s2", 16))).Expect(200);
        Assert.All(requests, request => Assert.False(request.IsCompleted));
        await move.OwnAsync();

        (await requests[0]).Expect(200);
        (await requests[1]).Expect(201);
        (await requests[2]).Expect(200);
    }

    [Fact]
    public async Task Rows_left_behind_in_the_old_shard_are_seen_by_nobody_and_never_swept()
    {
        var pk = Cluster.PartitionOf("s1", 17);
        (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        await HandOver.RunAsync(Cluster, pk, "s2");
        (await Items.DeleteAsync(pk, "x")).Expect(204);
        await Cluster["s1"].Database.ExecuteAsync("update sharding.item set expires_at = clock_timestamp() - interval '1 hour'");

        await Cluster["s1"].Database.ExecuteAsync($"select sharding.delete_expired(500, '{Items.Name}', {SlotHash.Of(pk).Value})");

        (await Items.GetAsync(pk, "x")).ExpectProblem(404, "item-not-found");
        Assert.Empty((await Items.ListAsync(pk)).Ids());
        Assert.Equal(1, await Cluster["s1"].Database.ScalarAsync<long>($"select count(*) from sharding.item where pk = '{pk}'"));
    }

    private Task<double> RefusalsAsync() => own.Router.MetricAsync("sharding_fence_refusals_total");
}
