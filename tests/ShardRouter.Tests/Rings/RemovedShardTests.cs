using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Rings;

/// <summary>A shard that left the ring: its router goes on without it, and lets go of it.</summary>
public sealed class RemovedShardTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    [Fact]
    public async Task A_router_keeps_no_connection_to_a_shard_that_left_the_ring_and_does_not_count_it_any_more()
    {
        var gone = own.Cluster["s3"];
        (await own.Items.PutAsync(own.Cluster.PartitionOf("s3"), "x", "{}")).Expect(201);
        Assert.NotEqual(0, await SessionsAsync(gone));

        var (shards, owners) = (own.Cluster.Ring.Shards.Where(shard => shard.Id != gone.Shard.Id).ToArray(), own.Cluster.Ring.Owners.ToArray());
        for (var slot = 0; slot < owners.Length; slot++)
            if (owners[slot] == gone.Shard.Id)
                owners[slot] = shards[0].Id;
        await own.Cluster.WriteRingTextAsync(RingDocumentCodec.Write(own.Cluster.Ring.Next(shards, owners)));

        await Eventually.ThatAsync(async () => await SessionsAsync(gone) == 0, TimeSpan.FromSeconds(90), "the router has left the shard");
        Assert.DoesNotContain("shard=\"s3\"", string.Join('\n', (await own.Router.MetricsAsync()).Split('\n').Where(line => line.StartsWith("sharding_shard_available", StringComparison.Ordinal))), StringComparison.Ordinal);
        (await own.Items.GetAsync(own.Cluster.PartitionOf("s2"), "none")).Expect(404);
    }

    private Task<long> SessionsAsync(SeededShard shard) => shard.Database.ScalarAsync<long>(
        $"select count(*) from pg_stat_activity where datname = current_database() and application_name like 'router {own.Router.Id}%'");
}
