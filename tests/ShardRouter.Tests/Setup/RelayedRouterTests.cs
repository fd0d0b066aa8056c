using TestCluster;

namespace ShardRouter.Tests.Setup;

/// <summary>Tests of one shard that its router reaches by way of a relay, each with a cluster of its own.</summary>
public abstract class RelayedRouterTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    protected TcpRelay Relay { get; private set; } = null!;

    protected SeededCluster Cluster { get; private set; } = null!;

    protected RouterProcess Router { get; private set; } = null!;

    protected ApiCollection Items { get; private set; } = null!;

    public virtual async ValueTask InitializeAsync()
    {
        var database = await postgres.CreateShardAsync();
        Relay = new TcpRelay(database.Host, database.Port);
        Cluster = await SeededCluster.CreateAsync([database], await redis.ServerAsync(), _ => Relay.Port);
        Router = await Cluster.StartRouterAsync();
        Items = await ApiCollection.CreateAsync(Router.Api);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Router.DisposeAsync();
        await Relay.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
