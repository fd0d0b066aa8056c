using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Arithmetic;

/// <summary>Forty buyers for 25 pieces: each sends one request, and 25 of them buy.</summary>
public sealed class StockTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Pieces = 25;
    private const int Buyers = 40;

    private ApiCollection Items => own.Items;

    [Fact]
    public async Task Forty_buyers_at_two_routers_need_forty_requests_for_25_pieces()
    {
        await using var second = await own.Cluster.StartRouterAsync();
        (await Items.PutAsync("chair", "stock", $$"""{"left":{{Pieces}}}""")).Expect(201);

        var replies = await Task.WhenAll(Enumerable.Range(0, Buyers).Select(buyer => BuyAsync(buyer % 2 == 0 ? own.Router.Api : second.Api, "chair", buyer)));

        await ExpectSoldAsync("chair", replies);
    }

    [Fact]
    public async Task It_stays_right_while_the_slot_moves()
    {
        await using var second = await own.Cluster.StartRouterAsync();
        var pk = own.Cluster.PartitionOf("s1", 77);
        var buyers = 0;
        (await Items.PutAsync(pk, "stock", $$"""{"left":{{Pieces}}}""")).Expect(201);
        var replies = new List<ApiReply>();
        foreach (var target in new[] { "s2", "s3", "s1", "s2" })
        {
            var bought = Enumerable.Range(0, Buyers / 4).Select(i => BuyAsync(i % 2 == 0 ? own.Router.Api : second.Api, pk, Interlocked.Increment(ref buyers))).ToArray();
            var move = await HandOver.RunAsync(own.Cluster, pk, target);
            replies.AddRange(await Task.WhenAll(bought));
            await move.PublishAsync();
        }

        await ExpectSoldAsync(pk, [.. replies]);
    }

    [Fact]
    public async Task A_patch_alone_keeps_the_stock_too()
    {
        (await Items.PutAsync("table", "stock", $$"""{"left":{{Pieces}}}""")).Expect(201);

        var replies = await Task.WhenAll(Enumerable.Range(0, Buyers).Select(_ => Items.IncrementAsync(
            "table", "stock", """{"path":"left","by":-1,"min":0}""", ("Prefer", "return=representation"))));

        var sold = replies.Where(reply => reply.Status == 200).Select(reply => reply.Json.GetProperty("left").GetInt32());
        Assert.Equal(Enumerable.Range(0, Pieces), sold.Order());
        Assert.All(replies.Where(reply => reply.Status != 200), reply => reply.ExpectProblem(409, "out-of-range"));
    }

    private Task<ApiReply> BuyAsync(ApiClient api, string pk, int buyer) => api.PostAsync(
        "/v1:transact",
        $$"""
        {"pk":"{{pk}}","ops":[
          {"op":"put","collection":"{{Items.Name}}","id":"order-{{buyer}}","doc":{},"ifNoneMatch":"*"},
          {"op":"increment","collection":"{{Items.Name}}","id":"stock","path":"left","by":-1,"min":0,"return":true}]}
        """);

    private async Task ExpectSoldAsync(string pk, ApiReply[] replies)
    {
        var sold = replies.Where(reply => reply.Status == 200).ToList();
        Assert.Equal((Buyers, Pieces), (replies.Length, sold.Count));
        Assert.Equal(Enumerable.Range(0, Pieces), sold.Select(LeftAfter).Order());
        Assert.All(replies.Where(reply => reply.Status != 200), reply => Assert.Equal(1, reply.ExpectProblem(409, "out-of-range").Json.GetProperty("failedOp").GetInt32()));
        Assert.Equal(0, (await Items.GetAsync(pk, "stock")).Json.GetProperty("left").GetInt32());
        Assert.Equal(Pieces, (await Items.ListAsync(pk, "id.prefix=order-&limit=1000")).Ids().Length);
    }

    private static int LeftAfter(ApiReply reply) => reply.Json.GetProperty("results")[1].GetProperty("doc").GetProperty("left").GetInt32();
}
