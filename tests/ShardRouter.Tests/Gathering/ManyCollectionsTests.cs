using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>Requests for many collections at once: each has a table and statements of its own.</summary>
public sealed class ManyCollectionsTests(OwnCluster own) : IClassFixture<OwnCluster>
{
    private const int Collections = 150; // more than a session keeps statements of

    [Fact]
    public async Task Each_request_reaches_its_collection_however_many_there_are()
    {
        var all = new List<ApiCollection>();
        for (var i = 0; i < Collections; i++)
            all.Add(await ApiCollection.CreateAsync(own.Router.Api));

        for (var round = 0; round < 3; round++)
        {
            var number = round;
            await Task.WhenAll(all.Select(async (items, i) =>
                Assert.InRange((await items.PutAsync($"p{i % 7}", "x", $$"""{"n":{{(1000 * number) + i}}}""")).Status, 200, 201)));
            var read = await Task.WhenAll(all.Select((items, i) => items.GetAsync($"p{i % 7}", "x")));
            Assert.Equal(Enumerable.Range(1000 * number, Collections), read.Select(reply => reply.Expect(200).Json.GetProperty("n").GetInt32()));
        }
        // Some collections more than others: several operations of one go together, beside single ones of others.
        var mixed = await Task.WhenAll(Enumerable.Range(0, 600).Select(i => all[i % 3 == 0 ? 0 : i % 20].PutAsync("FR", $"i{i}", "{}")));
        Assert.All(mixed, reply => Assert.Equal(201, reply.Status));
    }

    [Fact]
    public async Task A_collection_that_a_shard_does_not_have_harms_no_request_beside_it()
    {
        var items = await ApiCollection.CreateAsync(own.Router.Api);
        ApiCollection[] unknown = [new(own.Router.Api, "never-made"), new(own.Router.Api, "never-made-either")];
        var reads = Enumerable.Range(0, 40).Select(i => unknown[i % 2].GetAsync("FR", "x")).ToArray();
        var writes = Enumerable.Range(0, 40).Select(i => unknown[i % 2].PutAsync("FR", $"i{i}", "{}")).ToArray();
        var known = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => items.PutAsync("FR", $"i{i}", "{}")));

        Assert.All(known, reply => Assert.Equal(201, reply.Status));
        Assert.All(await Task.WhenAll([.. reads, .. writes]), reply => reply.ExpectProblem(404, "collection-not-found"));
        (await unknown[0].ListAsync("FR")).ExpectProblem(404, "collection-not-found");
    }

    [Fact]
    public async Task A_collection_that_is_made_anew_is_another_one()
    {
        var items = await ApiCollection.CreateAsync(own.Router.Api);
        (await items.PutAsync("FR", "x", "{}")).Expect(201);
        (await items.GetAsync("FR", "x")).Expect(200);
        foreach (var shard in own.Cluster.Shards)
            await shard.Database.ExecuteAsync($"delete from sharding.collection where name = '{items.Name}'");

        (await items.GetAsync("FR", "x")).Expect(404);
        (await items.PutAsync("FR", "x", "{}")).ExpectProblem(404, "collection-not-found");
        (await own.Router.Api.SendAsync("PUT", items.Address, null)).Expect(201);

        await Eventually.ThatAsync(async () => (await items.PutAsync("FR", "x", "{}")).Status == 201, TimeSpan.FromSeconds(5), "the new one takes writes");
        (await items.GetAsync("FR", "x")).Expect(200);
        (await items.GetAsync("FR", "y")).ExpectProblem(404, "item-not-found");
    }
}
