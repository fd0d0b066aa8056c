using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>A cluster and a router for one class, whose tests change ownership and rings.</summary>
public sealed class OwnCluster(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    public SeededCluster Cluster { get; private set; } = null!;

    public RouterProcess Router { get; private set; } = null!;

    public ApiCollection Items { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await SeededCluster.CreateAsync(postgres, redis);
        Router = await Cluster.StartRouterAsync();
        Items = await ApiCollection.CreateAsync(Router.Api);
    }

    /// <summary>Waits until the router routes by the ring that was published last.</summary>
    public Task RingInUseAsync() => Eventually.ThatAsync(
        async () => await Router.EpochAsync() == Cluster.Ring.Epoch.Value, TimeSpan.FromSeconds(10), $"the router uses ring {Cluster.Ring.Epoch}");

    public async ValueTask DisposeAsync()
    {
        await Router.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
