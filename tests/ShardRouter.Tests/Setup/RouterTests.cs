using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>Tests against the shared router, each with an empty collection of its own.</summary>
public abstract class RouterTests(RouterFixture fixture) : IClassFixture<RouterFixture>, IAsyncLifetime
{
    protected RouterProcess Router => fixture.Router;

    protected SeededCluster Cluster => fixture.Cluster;

    protected ApiClient Api => fixture.Router.Api;

    protected ApiCollection Items { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Items = await ApiCollection.CreateAsync(Api);

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
