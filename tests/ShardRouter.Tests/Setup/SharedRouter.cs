using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>
/// One cluster with one router for all tests that leave both as they are; each test has its own collection. Tests that
/// change rings, break servers or compare whole shards make their own.
/// </summary>
public sealed class SharedRouter : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private OnceAsync<(SeededCluster Cluster, RouterProcess Router)>? _once;

    public Task<(SeededCluster Cluster, RouterProcess Router)> GetAsync(SharedPostgres postgres, SharedRedis redis)
    {
        lock (_gate)
            _once ??= new(async () =>
            {
                var cluster = await SeededCluster.CreateAsync(postgres, redis);
                return (cluster, await cluster.StartRouterAsync());
            });
        return _once.GetAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_once is not { HasValue: true })
            return;
        var (cluster, router) = await _once.GetAsync();
        await router.DisposeAsync();
        await cluster.DisposeAsync();
    }
}
