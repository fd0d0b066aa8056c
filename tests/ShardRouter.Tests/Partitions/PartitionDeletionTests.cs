using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Partitions;

public sealed class PartitionDeletionTests(RouterFixture fixture) : RouterTests(fixture)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(200)]
    [InlineData(450)]
    public async Task All_items_of_the_partition_go_and_nothing_else(int count)
    {
        var other = await ApiCollection.CreateAsync(Api);
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, count).Select(i => ($"i{i}", "{}")));
        (await Items.PutAsync("p2", "stays", "{}")).Expect(201);
        (await other.PutAsync("p", "stays", "{}")).Expect(201);

        var reply = (await DeleteAsync("p")).Expect(200);

        Assert.Equal((count, true), (reply.Json.GetProperty("deleted").GetInt32(), reply.Json.GetProperty("done").GetBoolean()));
        Assert.Empty((await Items.ListAsync("p")).Ids());
        (await Items.GetAsync("p2", "stays")).Expect(200);
        (await other.GetAsync("p", "stays")).Expect(200);
        Assert.Equal(0, (await DeleteAsync("p")).Expect(200).Json.GetProperty("deleted").GetInt32());
    }

    [Fact]
    public async Task What_there_is_no_time_for_is_left_for_the_next_request()
    {
        const int Count = 12_000;
        await Pages.PutAllAsync(Items, "p", Enumerable.Range(0, Count).Select(i => ($"i{i:00000}", "{}")));

        var (deleted, requests) = (0, 0);
        for (var isDone = false; !isDone; requests++)
        {
            var reply = (await DeleteAsync("p", ("Request-Timeout", "0.4"))).Expect(200);
            deleted += reply.Json.GetProperty("deleted").GetInt32();
            isDone = reply.Json.GetProperty("done").GetBoolean();
        }

        Assert.Equal(Count, deleted);
        Assert.InRange(requests, 2, Count / 200);
        Assert.Empty((await Items.ListAsync("p")).Ids());
    }

    [Fact]
    public async Task A_condition_makes_no_sense()
    {
        (await Items.PutAsync("p", "i", "{}")).Expect(201);

        (await DeleteAsync("p", ("If-Match", "*"))).ExpectProblem(400, "invalid-header");
        (await Api.SendAsync("DELETE", Items.AddressOf("p") + "/", null)).ExpectProblem(400, "invalid-key");

        (await Items.GetAsync("p", "i")).Expect(200);
    }

    [Fact]
    public async Task A_collection_that_nobody_created_is_not_found() =>
        (await Api.SendAsync("DELETE", "/v1/collections/nobody/items/p", null)).ExpectProblem(404, "collection-not-found");

    private Task<ApiReply> DeleteAsync(string pk, params (string, string)[] headers) => Api.SendAsync("DELETE", Items.AddressOf(pk), null, headers);
}
