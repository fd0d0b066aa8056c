using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>An operation that went to the shard twice, in a statement and then alone, is one operation.</summary>
public sealed class CountingTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    [Theory]
    [InlineData("30", 200, 0)]
    [InlineData("0.5", 504, 1)]
    public async Task One_that_is_carried_out_alone_is_counted_once(string deadline, int status, int errors)
    {
        var pk = own.Cluster.PartitionOf("s1", 46);
        await own.Items.PutAsync(pk, "held", "{}");
        await using var row = await HeldRow.TakeAsync(own.Cluster["s1"], own.Items, pk, "held");
        var (callsBefore, errorsBefore) = await CountAsync();

        var put = own.Items.PutAsync(pk, "held", """{"n":2}""", ("Request-Timeout", deadline));
        await Eventually.ThatAsync(async () => put.IsCompleted || await own.Router.MetricAsync("sharding_shard_pool_in_use") == 1, TimeSpan.FromSeconds(10), "it is carried out alone");
        if (status == 200)
            await row.ReleaseAsync();
        (await put).Expect(status);

        Assert.Equal((callsBefore + 1, errorsBefore + errors), await CountAsync());
    }

    private async Task<(double Calls, double Errors)> CountAsync() =>
        (await own.Router.MetricAsync("sharding_shard_operation_duration_seconds_count", "operation=\"write\""), await own.Router.MetricAsync("sharding_shard_operation_errors_total"));
}
