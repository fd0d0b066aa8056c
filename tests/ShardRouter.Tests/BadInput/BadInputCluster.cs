using TestCluster;

namespace ShardRouter.Tests.BadInput;

/// <summary>A cluster and a router that only bad input meets, so that all that the shards hold can be compared.</summary>
public sealed class BadInputCluster(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private SeededCluster _cluster = null!;
    private string? _lastDefect;

    public RouterProcess Router { get; private set; } = null!;

    public ApiCollection Items { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis);
        Router = await _cluster.StartRouterAsync();
        Items = await ApiCollection.CreateAsync(Router.Api);
        foreach (var shard in _cluster.Shards)
            (await Items.PutAsync(_cluster.PartitionOf(shard.Id), "kept", """{"n":1}""")).Expect(201);
    }

    /// <summary>Sends bad input, checks the answer, and that nothing changed anywhere and the router is well.</summary>
    public async Task<ApiReply> RefusesAsync(Func<Task<ApiReply>> send, int status, string? code)
    {
        var before = await ChecksumAsync();
        var reply = await send();
        if (code is null)
            reply.Expect(status);
        else
            reply.ExpectProblem(status, code);
        Assert.Equal(before, await ChecksumAsync());
        await IsWellAsync();
        return reply;
    }

    public async Task IsWellAsync()
    {
        (await Items.GetAsync(_cluster.PartitionOf("s1"), "kept")).Expect(200);
        Assert.False(Router.HasExited);
        var known = _lastDefect;
        _lastDefect = Router.Output.Split('\n').LastOrDefault(line => line.Contains("met a defect", StringComparison.Ordinal)) ?? known;
        Assert.Equal(known, _lastDefect); // each has its own request id
    }

    /// <summary>Over every row of every table of every shard.</summary>
    public async Task<string> ChecksumAsync() => string.Join('\n', await Task.WhenAll(_cluster.Shards.Select(shard => shard.Database.ScalarAsync<string>(
        """
        select string_agg(name || ' ' || rows || ' ' || sum, ' ' order by name) from (
            select 'item' as name, count(*) as rows, coalesce(sum(hash_record_extended(t, 0)), 0) as sum from sharding.item t
            union all select 'collection', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) from sharding.collection t
            union all select 'slot_ownership', count(*), sum(hash_record_extended(t, 0)) from sharding.slot_ownership t
            union all select 'cluster', count(*), sum(hashtextextended(t::text, 0)) from sharding.cluster t) each_table
        """))));

    public async ValueTask DisposeAsync()
    {
        await Router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class BadInputTests : ICollectionFixture<BadInputCluster>
{
    public const string Name = "bad input";
}
