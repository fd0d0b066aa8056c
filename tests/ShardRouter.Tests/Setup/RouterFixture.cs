using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>The shared cluster and router, for the classes that use them.</summary>
public sealed class RouterFixture(SharedPostgres postgres, SharedRedis redis, SharedRouter shared) : IAsyncLifetime
{
    public SeededCluster Cluster { get; private set; } = null!;

    public RouterProcess Router { get; private set; } = null!;

    public async ValueTask InitializeAsync() => (Cluster, Router) = await shared.GetAsync(postgres, redis);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
