using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>
/// A move makes publications and drops them under writers. Postgres fails a statement that meets the moment of the drop
/// ("cache lookup failed for publication"): seen by chaos as a 500.
/// </summary>
public sealed class PublicationTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task No_request_fails_while_publications_come_and_go()
    {
        var pk = own.Cluster.PartitionOf("s1", 40);
        (await own.Items.PutAsync(pk, "x", """{"n":0}""")).Expect(201);
        using var stop = new CancellationTokenSource(Limit);
        var drops = 0;
        var dropping = Task.Run(async () =>
        {
            for (; !stop.IsCancellationRequested; drops++)
                await own.Cluster["s1"].Database.ExecuteAsync(
                    "create publication p for table sharding.item where (slot < 10) "
                    + "with (publish_via_partition_root = true, publish = 'insert, update, delete'); drop publication p");
        });

        var written = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => WriteUntilAsync(pk, writer, stop.Token)));
        await dropping;

        Assert.True(drops > 20, $"Only {drops} publications were dropped: the test shows nothing.");
        Assert.Equal(written.Sum(), (await own.Items.GetAsync(pk, "x")).Json.GetProperty("n").GetInt32());
    }

    /// <summary>Transactions are not gathered: each is a statement of its own.</summary>
    private async Task<int> WriteUntilAsync(string pk, int writer, CancellationToken stop)
    {
        var count = 0;
        for (; !stop.IsCancellationRequested; count++)
        {
            (await own.Items.Api.PostAsync("/v1:transact", $$"""{"pk":"{{pk}}","ops":[{"op":"increment","collection":"{{own.Items.Name}}","id":"x","path":"n","by":1}]}""")).Expect(200);
            (await own.Items.PutAsync(pk, string.Create(CultureInfo.InvariantCulture, $"w{writer}"), "{}")).Expect(count == 0 ? 201 : 200);
        }
        return count;
    }
}
