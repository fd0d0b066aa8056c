using ShardCore.Ring;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Queries;

/// <summary>Slots change hands while a collection is scanned by segments.</summary>
public sealed class ScanMoveTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Segments = 4;

    [Fact]
    public async Task Each_item_is_in_one_segment_once_while_slots_move()
    {
        var keys = Enumerable.Range(0, 40).Select(i => $"moving-{i}").ToArray();
        foreach (var pk in keys)
            await Pages.PutAllAsync(own.Items, pk, Enumerable.Range(0, 3).Select(i => ($"i{i}", "{}")));
        var expected = keys.SelectMany(pk => Enumerable.Range(0, 3).Select(i => (pk, $"i{i}"))).Order().ToArray();
        using var stop = new CancellationTokenSource();
        var moves = MoveAsync(keys[..5], stop.Token);

        for (var scans = 0; scans < 15; scans++)
        {
            var parts = await Task.WhenAll(
                Enumerable.Range(1, Segments).Select(number => ScanTests.AllAsync(own.Items, $"scope=all&segment={number}/{Segments}&limit=7")));
            Assert.Equal(expected, parts.SelectMany(each => each).Order());
        }
        await stop.CancelAsync();
        Assert.True(await moves > 2, "Nothing moved.");
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
