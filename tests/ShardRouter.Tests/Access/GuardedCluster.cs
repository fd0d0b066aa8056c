using TestCluster;

namespace ShardRouter.Tests.Access;

/// <summary>A cluster with a router that lets in only who shows a key, and a key with all rights.</summary>
public sealed class GuardedCluster(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    public static readonly (string, string) Guarded = ("SHARDING_AUTH", "required");

    public SeededCluster Cluster { get; private set; } = null!;

    public RouterProcess Router { get; private set; } = null!;

    /// <summary>With all rights everywhere.</summary>
    public ApiClient Admin { get; private set; } = null!;

    /// <summary>The text of the key with all rights.</summary>
    public string AdminKey { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Cluster = await SeededCluster.CreateAsync(postgres, redis);
        (AdminKey, _) = await Cluster.CreateKeyAsync();
        Router = await Cluster.StartRouterAsync(Guarded);
        Admin = Router.As(AdminKey);
    }

    /// <summary>A client with a key of its own.</summary>
    public async Task<ApiClient> ClientAsync(string[]? scopes = null, string[]? collections = null, string[]? partitions = null) =>
        Router.As((await Cluster.CreateKeyAsync(scopes, collections, partitions)).Text);

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await Router.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
