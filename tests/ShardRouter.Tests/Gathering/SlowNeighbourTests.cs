using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Gathering;

/// <summary>One operation that takes long is gathered with others: they must not pay for it.</summary>
public sealed class SlowNeighbourTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private const int Neighbours = 40;

    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        await _cluster["s1"].Database.ExecuteAsync("""
            create function public.slow() returns trigger language plpgsql as $$ begin perform pg_catalog.pg_sleep(8); return new; end $$;
            create trigger slow before insert or update on sharding.item for each row when (new.id = 'slow') execute function public.slow()
            """);
    }

    [Fact]
    public async Task Writes_that_were_gathered_with_a_slow_one_are_carried_out_in_their_time()
    {
        for (var round = 0; round < 2; round++)
        {
            var slow = _items.PutAsync("FR", "slow", "{}", ("Request-Timeout", "25"));
            var replies = new List<ApiReply>();
            while (!slow.IsCompleted)
                replies.AddRange(await Task.WhenAll(Enumerable.Range(0, Neighbours).Select(i => _items.PutAsync("FR", $"quick{i}", "{}", ("Request-Timeout", "5")))));

            Assert.InRange((await slow).Status, 200, 201);
            Assert.NotEmpty(replies);
            Assert.All(replies, reply => Assert.InRange(reply.Status, 200, 201));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
