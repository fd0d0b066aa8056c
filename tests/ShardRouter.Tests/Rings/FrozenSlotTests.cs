using System.Diagnostics;
using Npgsql;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Rings;

public sealed class FrozenSlotTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    private SeededCluster Cluster => own.Cluster;

    private ApiCollection Items => own.Items;

    [Fact]
    public async Task Writes_are_held_and_succeed_while_reads_go_on()
    {
        var pk = Cluster.PartitionOf("s1", 20);
        foreach (var id in new[] { "read", "patch", "delete" })
            (await Items.PutAsync(pk, id, """{"n":1}""")).Expect(201);
        var neighbour = Cluster.PartitionOf("s1", 21);
        (await Items.PutAsync(neighbour, "x", "{}")).Expect(201);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();

        Task<ApiReply>[] writes =
        [
            Items.PutAsync(pk, "put", "{}"), Items.MergePatchAsync(pk, "patch", "{}"), Items.DeleteAsync(pk, "delete"), Items.PostAsync(pk, "{}"),
            Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"{{pk}}","id":"batch","doc":{} },{"op":"put","pk":"{{Cluster.PartitionOf("s2", 20)}}","id":"other","doc":{} }]}"""),
            TransactAsync(pk),
        ];
        for (var frozen = Stopwatch.StartNew(); frozen.Elapsed < Pause;)
        {
            (await Items.GetAsync(pk, "read")).Expect(200);
            Assert.Equal(["delete", "patch", "read"], (await Items.ListAsync(pk)).Ids());
            (await Items.PutAsync(neighbour, "x", "{}")).Expect(200);
        }
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        await move.ThawAsync();

        Assert.Equal([201, 200, 204, 201, 200, 200], (await Task.WhenAll(writes)).Select(reply => reply.Status));
    }

    [Fact]
    public async Task Longer_than_the_hold_limit_writes_answer_slot_moving_and_change_nothing()
    {
        var pk = Cluster.PartitionOf("s1", 22);
        (await Items.PutAsync(pk, "x", """{"n":1}""")).Expect(201);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();

        var put = Items.PutAsync(pk, "x", """{"n":2}""");
        var transact = TransactAsync(pk);
        var batch = Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"{{pk}}","id":"x","doc":{} },{"op":"put","pk":"{{Cluster.PartitionOf("s3", 22)}}","id":"x","doc":{} }]}""");

        foreach (var reply in new[] { await put, await transact })
        {
            reply.ExpectProblem(503, "slot-moving");
            Assert.True(reply.Json.GetProperty("retryable").GetBoolean());
            Assert.NotNull(reply["Retry-After"]);
            Assert.InRange(reply.Elapsed.TotalSeconds, 1.9, 10); // in between lies what a busy machine adds
        }
        var results = (await batch).Expect(207).Json.GetProperty("results");
        Assert.Equal("slot-moving", results[0].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(201, results[1].GetProperty("status").GetInt32());
        JsonAssert.Equal("""{"n":1}""", (await Items.GetAsync(pk, "x")).Expect(200).Text);
        await move.ThawAsync();
        (await Items.PutAsync(pk, "x", """{"n":3}""")).Expect(200);
    }

    [Fact]
    public async Task A_deadline_shorter_than_the_hold_limit_is_kept()
    {
        var pk = Cluster.PartitionOf("s1", 23);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();

        var taken = await Best.OfAsync(3, async () =>
        {
            var reply = await Items.PutAsync(pk, "x", "{}", ("Request-Timeout", "0.3"));
            Assert.True(reply.Code is "slot-moving" or "deadline-exceeded", reply.ToString());
            return reply.Elapsed;
        });

        Assert.InRange(taken.TotalSeconds, 0.25, 1.7);
        await move.ThawAsync();
        (await Items.GetAsync(pk, "x")).ExpectProblem(404, "item-not-found");
    }

    /// <summary>The write that asks for all others of its slot then meets a locked row: that is its own matter.</summary>
    [Fact]
    public async Task A_held_write_does_not_wait_for_the_one_that_asks_for_all_once_the_slot_is_owned_again()
    {
        var pk = Cluster.PartitionOf("s1", 25);
        (await Items.PutAsync(pk, "locked", "{}")).Expect(201);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();
        var refusals = await own.Router.MetricAsync("sharding_fence_refusals_total");
        var leader = Items.PutAsync(pk, "locked", "{}");
        await Eventually.ThatAsync(async () => await own.Router.MetricAsync("sharding_fence_refusals_total") > refusals, TimeSpan.FromSeconds(2), "the first write is refused and asks for all");
        var held = Items.PutAsync(pk, "free", "{}");
        await Eventually.ThatAsync(async () => await own.Router.MetricAsync("sharding_slots_held") > 0, TimeSpan.FromSeconds(2), "the second is held");

        await using var connection = await Cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await using var command = new NpgsqlCommand($"select 1 from sharding.item where pk = '{pk}' and id = 'locked' for update", connection);
            await command.ExecuteNonQueryAsync();
            await move.ThawAsync();

            (await held).Expect(201);
            Assert.False(leader.IsCompleted);
        }

        (await leader).Expect(200);
    }

    /// <summary>Each asking for itself they would take the machine from the mover that is to bring the slot on.</summary>
    [Fact]
    public async Task Between_two_owners_reads_are_held_too_and_one_asks_for_all()
    {
        const int readers = 40;
        var pk = Cluster.PartitionOf("s1", 26);
        (await Items.PutAsync(pk, "x", "{}")).Expect(201);
        var move = new HandOver(Cluster, pk, "s2");
        await move.FreezeAsync();
        await move.ReleaseAsync();

        var reads = Enumerable.Range(0, readers).Select(_ => Items.GetAsync(pk, "x")).ToArray();
        await Eventually.ThatAsync(async () => await own.Router.MetricAsync("sharding_slots_held") == readers - 1, TimeSpan.FromSeconds(2), "all reads but one are held");
        Assert.All(reads, read => Assert.False(read.IsCompleted));
        await move.OwnAsync();

        Assert.All(await Task.WhenAll(reads), read => read.Expect(200));
        await move.PublishAsync();
        await own.RingInUseAsync();
    }

    [Fact]
    public async Task A_slot_that_goes_round_in_a_circle_under_writes_loses_and_doubles_none()
    {
        var pk = Cluster.PartitionOf("s1", 24);
        (await Items.PutAsync(pk, "sum", """{"n":0}""")).Expect(201);
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(_ => WriteUntilAsync(pk, stop.Token)).ToArray();
        foreach (var target in new[] { "s2", "s3", "s1", "s3", "s2", "s1" })
        {
            var move = await HandOver.RunAsync(Cluster, pk, target);
            (await Items.GetAsync(pk, "sum")).Expect(200); // by the old ring
            await move.PublishAsync();
            await own.RingInUseAsync();
        }
        await stop.CancelAsync();

        var acknowledged = (await Task.WhenAll(writers)).Sum();
        Assert.True(acknowledged > 6, $"Only {acknowledged} writes happened.");
        Assert.Equal(acknowledged, (await Items.GetAsync(pk, "sum")).Json.GetProperty("n").GetInt32());
    }

    private async Task<int> WriteUntilAsync(string pk, CancellationToken stop)
    {
        var count = 0;
        for (; !stop.IsCancellationRequested; count++)
            (await Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"sum","path":"n","by":1}]}""")).Expect(200);
        return count;
    }

    private Task<ApiReply> TransactAsync(string pk) =>
        Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"put","collection":"{{Items.Name}}","id":"transact","doc":{} }]}""");
}
