using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Partitions;

/// <summary>Slots change hands while partitions are listed and deleted.</summary>
public sealed class MovingPartitionsTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private ApiCollection Items => own.Items;

    [Fact]
    public async Task Each_partition_is_listed_once_and_deleted_whole_while_slots_move()
    {
        var keys = Enumerable.Range(0, 30).Select(i => $"moving-{i}").ToArray();
        foreach (var pk in keys)
            await Pages.PutAllAsync(Items, pk, Enumerable.Range(0, 3).Select(i => ($"i{i}", "{}")));
        using var stop = new CancellationTokenSource();
        var moves = MoveAsync(keys[..3], stop.Token);

        for (var lists = 0; lists < 20; lists++)
        {
            var listed = await PartitionListTests.AllAsync(Items, "prefix=moving-&limit=9");
            Assert.Equal(PartitionListTests.InOrder(keys).Select(pk => (pk, 3L)), listed.Select(each => (each.Pk, each.Items)));
        }
        foreach (var pk in keys[..3])
        {
            await Pages.PutAllAsync(Items, pk, Enumerable.Range(0, 900).Select(i => ($"j{i}", "{}")));
            var reply = (await Items.Api.SendAsync("DELETE", Items.AddressOf(pk), null)).Expect(200);
            Assert.Equal((903, true), (reply.Json.GetProperty("deleted").GetInt32(), reply.Json.GetProperty("done").GetBoolean()));
            Assert.Empty((await Items.ListAsync(pk)).Ids());
        }
        await stop.CancelAsync();
        Assert.True(await moves > 2, "Nothing moved.");
        Assert.Equal(keys.Length - 3, (await PartitionListTests.AllAsync(Items, "prefix=moving-")).Count);
    }

    private async Task<int> MoveAsync(string[] keys, CancellationToken stop)
    {
        var moves = 0;
        for (; !stop.IsCancellationRequested; moves++)
        {
            var pk = keys[moves % keys.Length];
            var owner = own.Cluster.Ring.OwnerOf(SlotHash.Of(pk)).Id.Value;
            var move = await HandOver.RunAsync(own.Cluster, pk, owner == "s1" ? "s2" : owner == "s2" ? "s3" : "s1");
            await move.PublishAsync();
            await Task.Delay(20, CancellationToken.None);
        }
        return moves;
    }
}
