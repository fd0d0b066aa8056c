using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>An ERROR of one shard that nobody thought of, here made by a constraint and by a function that always fails.</summary>
public sealed class UnforeseenErrorTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private SeededCluster Cluster => own.Cluster;

    private ApiCollection Items => own.Items;

    [Fact]
    public async Task In_a_batch_it_is_the_answer_of_its_own_shards_operations_only()
    {
        var (bad, good) = (Cluster.PartitionOf("s1"), Cluster.PartitionOf("s2"));
        await Cluster["s1"].Database.ExecuteAsync("alter table sharding.item add constraint unforeseen check (id <> 'bad')");

        var reply = (await Items.BatchWriteAsync($$"""{"ops":[{"op":"put","pk":"{{bad}}","id":"bad","doc":{} },{"op":"put","pk":"{{good}}","id":"good","doc":{} }]}""")).Expect(207);

        var results = reply.Json.GetProperty("results");
        Assert.Equal(500, results[0].GetProperty("status").GetInt32());
        Assert.Equal("internal", results[0].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(201, results[1].GetProperty("status").GetInt32());
        (await Items.GetAsync(good, "good")).Expect(200);
        (await Items.GetAsync(bad, "bad")).Expect(404);
        (await Items.PutAsync(bad, "bad", "{}")).ExpectProblem(500, "internal");
        (await Items.PutAsync(bad, "fine", "{}")).Expect(201);
    }

    [Fact]
    public async Task Deleting_expired_items_that_fails_in_one_shard_leaves_the_router_running()
    {
        await Cluster["s3"].Database.ExecuteAsync(
            "create or replace function sharding.delete_expired(p_limit integer, p_collection text, p_from integer, "
            + "out deleted integer, out next_collection text, out next_from integer) language plpgsql as "
            + "$$ begin raise data_corrupted using message = 'a damaged page'; end $$");

        await Eventually.ThatAsync(
            () => own.Router.HasExited || own.Router.Output.Contains("Expired items of shard s3 could not be deleted", StringComparison.Ordinal),
            TimeSpan.FromSeconds(40), "the router tries to");

        Assert.False(own.Router.HasExited, own.Router.Output);
        (await Items.PutAsync(Cluster.PartitionOf("s3"), "x", "{}")).Expect(201);
    }
}
