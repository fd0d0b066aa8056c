using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Rings;

/// <summary>Whatever stands in Redis, the last good ring stays in use until a better one comes.</summary>
public sealed class BadRingTests(OwnCluster own) : IClassFixture<OwnCluster>, IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private SeededCluster Cluster => own.Cluster;

    public static TheoryData<string> Texts => [.. BadRings.OfText.Keys];

    public static TheoryData<string> SealedRings => [.. BadRings.Sealed.Keys];

    /// <summary>Epoch 2 or more is in use, so that a lower one is possible.</summary>
    public async ValueTask InitializeAsync()
    {
        if (Cluster.Ring.Epoch == Epoch.First)
            await Cluster.PublishNextAsync([], "s1");
        await own.RingInUseAsync();
    }

    [Fact]
    public void A_sealed_ring_without_a_fault_is_good() =>
        Assert.Equal(Cluster.Ring.Epoch, RingDocumentCodec.Read(BadRings.Seal(RingDocumentCodec.Write(Cluster.Ring), _ => { })).Epoch);

    [Theory]
    [MemberData(nameof(Texts))]
    public Task A_text_that_is_no_ring_is_refused(string fault) => RefusedAsync(BadRings.OfText[fault](NextRing()));

    [Theory]
    [MemberData(nameof(SealedRings))]
    public Task A_ring_that_says_what_no_ring_may_say_is_refused(string fault) => RefusedAsync(BadRings.Seal(NextRing(), BadRings.Sealed[fault]));

    [Fact]
    public async Task A_refused_ring_is_counted_at_every_look_and_told_in_the_log_once()
    {
        await Cluster.WriteRingTextAsync("{\"told\":\"once\"}");
        var counted = await RefusedAsync();
        await Eventually.ThatAsync(async () => await RefusedAsync() >= counted + 2, Limit, "the router looks twice more");

        Assert.Equal(1, own.Router.Output.Split("Refused the ring in Redis, the last good one stays in use: The ring document is not readable JSON of a ring: The JSON property 'told'").Length - 1);
        await BackToGoodAsync();
    }

    [Fact]
    public async Task A_ring_that_is_gone_or_no_text_leaves_the_last_good_one_in_use()
    {
        await Cluster.RemoveRingAsync();
        await ServesAsync();
        await Cluster.WriteRingListAsync();
        await Eventually.ThatAsync(() => own.Router.Output.Contains("WRONGTYPE", StringComparison.Ordinal), Limit, "the router met the list");
        await ServesAsync();

        await BackToGoodAsync();
    }

    [Fact]
    public async Task Another_ring_of_the_same_epoch_changes_nothing()
    {
        var owners = Cluster.Ring.Owners.Select(_ => Cluster["s1"].Shard.Id).ToArray();
        await Cluster.WriteRingTextAsync(RingDocumentCodec.Write(ShardRing.Create(Cluster.Ring.Cluster, Cluster.Ring.Epoch, Cluster.Ring.Shards, owners)));

        await ServesAsync();
        foreach (var shard in Cluster.Shards)
            Assert.Equal(shard.Id, (await own.Router.LocateAsync(Cluster.PartitionOf(shard.Id))).GetProperty("shard").GetString());
        await BackToGoodAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task RefusedAsync(string text)
    {
        var before = await RefusedAsync();

        await Cluster.WriteRingTextAsync(text);
        await Eventually.ThatAsync(async () => await RefusedAsync() > before, Limit, "the ring is refused");

        await ServesAsync();
        await BackToGoodAsync();
    }

    private async Task ServesAsync()
    {
        Assert.Equal(Cluster.Ring.Epoch.Value, await own.Router.EpochAsync());
        (await own.Router.HealthAsync("ready")).Expect(200);
        foreach (var shard in Cluster.Shards)
            (await own.Items.GetAsync(Cluster.PartitionOf(shard.Id), "x")).ExpectProblem(404, "item-not-found");
    }

    /// <summary>The next good ring is taken, whatever was refused before it.</summary>
    private async Task BackToGoodAsync()
    {
        await Cluster.WriteRingTextAsync(RingDocumentCodec.Write(Cluster.Ring), tell: false);
        await Cluster.PublishNextAsync([], "s1");
        await own.RingInUseAsync();
    }

    private string NextRing() => RingDocumentCodec.Write(Cluster.Ring.Next(Cluster.Ring.Shards, Cluster.Ring.Owners));

    private Task<double> RefusedAsync() => own.Router.MetricAsync("sharding_ring_refused_total");
}
