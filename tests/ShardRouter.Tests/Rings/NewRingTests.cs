using System.Diagnostics;
using ShardCore.RingDocuments;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Rings;

/// <summary>How soon a new ring is in use.</summary>
public sealed class NewRingTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private SeededCluster Cluster => own.Cluster;

    [Fact]
    public async Task A_published_ring_is_in_use_within_200_ms_because_the_channel_tells()
    {
        // Seven in a row would all have to meet a poll, once a second, in its first 200 ms.
        var quick = 0;
        for (var i = 0; i < 7; i++)
        {
            var clock = Stopwatch.StartNew();
            await Cluster.PublishNextAsync([], "s1");
            await own.RingInUseAsync();
            quick += clock.ElapsedMilliseconds <= 200 ? 1 : 0;
        }
        Assert.True(quick >= 5, $"Only {quick} of 7 rings were in use within 200 ms.");
    }

    [Fact]
    public async Task A_ring_that_the_channel_did_not_tell_of_is_found_by_polling()
    {
        var taken = await Best.OfAsync(2, async () =>
        {
            var next = Cluster.Ring.Next(Cluster.Ring.Shards, Cluster.Ring.Owners);
            var clock = Stopwatch.StartNew();
            await Cluster.WriteRingTextAsync(RingDocumentCodec.Write(next), tell: false);
            await Eventually.ThatAsync(async () => await own.Router.EpochAsync() == next.Epoch.Value, TimeSpan.FromSeconds(10), "the ring is in use");
            var elapsed = clock.Elapsed;
            await Cluster.WriteRingTextAsync(RingDocumentCodec.Write(Cluster.Ring)); // an older one, which is refused
            await Cluster.PublishNextAsync([], "s1");
            await Cluster.PublishNextAsync([], "s1");
            await own.RingInUseAsync();
            return elapsed;
        });

        Assert.InRange(taken.TotalSeconds, 0, 1.5);
    }

    [Fact]
    public async Task The_registry_tells_which_ring_a_router_uses()
    {
        await Cluster.PublishNextAsync([], "s1");

        await Eventually.ThatAsync(
            async () => (await Cluster.Registry.ListAsync(CancellationToken.None)).Single() is var entry && entry.Epoch == Cluster.Ring.Epoch.Value && entry.Id == own.Router.Id
                && entry.Url == own.Router.Url.GetLeftPart(UriPartial.Authority) && entry.Pid == own.Router.ProcessId && !entry.Draining,
            TimeSpan.FromSeconds(10), "the registry shows the router with the new ring");
    }
}
