using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>Three shards, each a server process of its own; each test leaves all of them running.</summary>
public sealed class ShardFaultCluster(SharedRedis redis) : IAsyncLifetime
{
    private PostgresServer[] _servers = [];

    public SeededCluster Cluster { get; private set; } = null!;

    public RouterProcess Router { get; private set; } = null!;

    public ApiCollection Items { get; private set; } = null!;

    /// <summary>The server of s1, s2, s3.</summary>
    public PostgresServer ServerOf(string shard) => _servers[shard[1] - '1'];

    public async ValueTask InitializeAsync()
    {
        _servers = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => PostgresProvider.Default.StartAsync()));
        Cluster = await SeededCluster.CreateAsync(await Task.WhenAll(_servers.Select(server => server.CreateDatabaseAsync())), await redis.ServerAsync());
        Router = await Cluster.StartRouterAsync();
        Items = await ApiCollection.CreateAsync(Router.Api);
    }

    /// <summary>Waits until the router serves the shard again: within 5 s of the server's coming back.</summary>
    public Task RecoversAsync(string shard) => Eventually.ThatAsync(
        async () => (await Items.GetAsync(Cluster.PartitionOf(shard), "none")).Status == 404, TimeSpan.FromSeconds(5), $"{shard} is served again");

    /// <summary>The ids that stand in the shard for a partition, read past the router.</summary>
    public async Task<IReadOnlySet<string>> IdsAsync(string shard, string pk)
    {
        Cluster[shard].Database.DataSource.Clear(); // connections from before a stop
        return new HashSet<string>((await Cluster[shard].Database.ScalarAsync<string[]>(
            $"select coalesce(array_agg(id), '{{}}') from sharding.item where collection = '{Items.Name}' and pk = '{pk}'"))!, StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await Router.DisposeAsync();
        await Cluster.DisposeAsync();
        await Task.WhenAll(_servers.Select(server => server.DisposeAsync().AsTask()));
    }
}
