using System.Globalization;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>
/// A shard that has too much to do: each operation takes so long that many together do not end within the limit of a statement. They must
/// go together in smaller statements, because single calls would give the shard even more to do.
/// </summary>
public sealed class SlowShardTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private const int Together = 80;
    private const int Rounds = 6;

    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        _router = await _cluster.StartRouterAsync(("SHARDING_QUEUE_MS", "10000")); // none is to be refused
        _items = await ApiCollection.CreateAsync(_router.Api);
        await _cluster["s1"].Database.ExecuteAsync("""
            create function public.slow() returns trigger language plpgsql as $$ begin perform pg_catalog.pg_sleep(0.005); return new; end $$;
            create trigger slow before insert or update on sharding.item for each row execute function public.slow()
            """);
    }

    [Fact]
    public async Task Operations_that_are_too_many_for_a_statement_go_in_smaller_ones_and_in_their_order()
    {
        await PutAsync(round: 0); // the router learns that this shard is slow
        var alone = await AloneAsync();
        for (var round = 1; round <= Rounds; round++)
            await PutAsync(round);

        Assert.InRange(await AloneAsync() - alone, 0, Together / 10);
        for (var id = 0; id < Together; id += 7)
            JsonAssert.Equal(string.Create(CultureInfo.InvariantCulture, $$"""{"round":{{Rounds}},"second":true}"""), (await _items.GetAsync("FR", Id(id))).Text);
    }

    /// <summary>All writes at once, and behind each a second one on its key.</summary>
    private async Task PutAsync(int round)
    {
        var puts = Enumerable.Range(0, Together).Select(id => _items.PutAsync("FR", Id(id), "{}", ("Request-Timeout", "30"))).ToArray();
        var seconds = Enumerable.Range(0, Together).Select(async id =>
        {
            Assert.InRange((await puts[id]).Status, 200, 201);
            return await _items.PutAsync(
                "FR", Id(id), string.Create(CultureInfo.InvariantCulture, $$"""{"round":{{round}},"second":true}"""), ("Request-Timeout", "30"));
        });
        Assert.All(await Task.WhenAll(seconds), reply => Assert.Equal(200, reply.Status));
    }

    private Task<double> AloneAsync() => _router.MetricAsync("sharding_gather_alone_total", "operation=\"write\"");

    private static string Id(int id) => string.Create(CultureInfo.InvariantCulture, $"k{id}");

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
