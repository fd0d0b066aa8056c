using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>Expired items are deleted at every shard, whatever another one does.</summary>
public sealed class SlowSweepTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    /// <summary>A sweep begins every 15 s; a statement is given up by the shard after 35 s.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_sweep_that_hangs_at_one_shard_does_not_hold_up_the_others()
    {
        await using var locker = await own.Cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using var held = await locker.BeginTransactionAsync();
        await using (var command = new Npgsql.NpgsqlCommand("lock table sharding.item in access exclusive mode", locker, held))
            await command.ExecuteNonQueryAsync();
        foreach (var shard in new[] { "s2", "s3" })
            (await own.Items.PutAsync(own.Cluster.PartitionOf(shard), "x", "{}", ("Item-TTL", "1"))).Expect(201);

        await Eventually.ThatAsync(async () => await RowsAsync("s2") + await RowsAsync("s3") == 0, Limit, "the other shards are swept");

        await held.RollbackAsync();
    }

    private Task<long> RowsAsync(string shard) => own.Cluster[shard].Database.ScalarAsync<long>("select count(*) from sharding.item");
}
