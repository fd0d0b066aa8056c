using ShardRouter.Tests.Consistency;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>A standby takes over while a statement runs at the old primary, and the time of its request ends after that.</summary>
public sealed class StopAfterTakeoverTests(SharedPostgres postgres, SharedRedis redis)
{
    private const string Asked = "application_name like 'router %' and query like '%pg_cancel_backend(pid)%'";

    /// <summary>There the same process id is somebody else's, as in containers, where they are small.</summary>
    [Fact]
    public async Task Its_process_id_is_not_cancelled_at_the_new_primary()
    {
        await using var own = await StandbyCluster.StartAsync(postgres, redis);
        var (items, pk) = (own.Items, own.Cluster.PartitionOf("s1"));
        await using var blocker = await own.Cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await using (var command = blocker.CreateCommand())
        {
            command.CommandText = "select from sharding.item for update";
            await command.ExecuteNonQueryAsync();
        }
        var put = items.PutAsync(pk, "x", "{}", ("Request-Timeout", "8"));
        await Eventually.ThatAsync(
            async () => await own.Primary.ScalarAsync<long>(
                "select count(*) from pg_stat_activity where application_name like 'router %' and wait_event = 'transactionid' "
                    + "and xact_start < clock_timestamp() - interval '200 ms'") > 0, // alone: what is gathered waits for 25 ms
            StandbyCluster.Limit, "the write waits");

        await own.Standby.PromoteAsync(); // the old primary lives
        var asked = 0L;
        for (var end = DateTime.UtcNow.AddSeconds(12); DateTime.UtcNow < end && asked == 0; await Task.Delay(20))
            asked = await own.Standby.Server.ScalarAsync<long>($"select count(*) from pg_stat_activity where {Asked}");

        Assert.Equal("unknown", (await put).Expect(504).Json.GetProperty("outcome").GetString());
        Assert.Equal(0, asked);
        Assert.Equal(0, (await items.GetAsync(pk, "x")).N());
    }
}
