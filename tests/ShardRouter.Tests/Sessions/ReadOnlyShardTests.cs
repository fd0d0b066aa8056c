using System.Diagnostics;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>Whoever operates a shard makes its database read-only for a while.</summary>
public sealed class ReadOnlyShardTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;

    private TestDatabase Database => _cluster["s1"].Database;

    public async ValueTask InitializeAsync()
    {
        _cluster = await SeededCluster.CreateAsync(postgres, redis, shards: 1);
        _router = await _cluster.StartRouterAsync(("SHARDING_POOL_SIZE", "4"));
        _items = await ApiCollection.CreateAsync(_router.Api);
    }

    [Fact]
    public async Task Writes_are_refused_while_it_is_and_taken_a_second_after_it_is_not_any_more()
    {
        (await _items.PutAsync("a", "x", "{}")).Expect(201);
        await Database.ExecuteAsync($"alter database {Database.Name} set default_transaction_read_only = on");
        await Database.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'router %'");
        await Eventually.ThatAsync(async () => (await StatusesAsync()).All(status => status == 503) && (await _items.GetAsync("a", "x")).Status == 200, Limit, "the router reads, and has read-only sessions of every kind");

        await Database.ExecuteAsync($"alter database {Database.Name} reset default_transaction_read_only");
        var clock = Stopwatch.StartNew();
        await Eventually.ThatAsync(async () => (await StatusesAsync()).All(status => status is 200 or 201), Limit, "writes are taken again");

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2)); // one on a machine that has nothing else to do
        Assert.All(await StatusesAsync(), status => Assert.InRange(status, 200, 201));
    }

    /// <summary>A shard that stays so must not be asked for a new connection by every write.</summary>
    [Fact]
    public async Task Connections_are_not_made_anew_for_every_write_that_is_refused()
    {
        await Database.ExecuteAsync($"alter database {Database.Name} set default_transaction_read_only = on");
        await Database.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'router %'");
        await Eventually.ThatAsync(async () => (await StatusesAsync()).All(status => status == 503) && (await _items.GetAsync("a", "x")).Status == 404, Limit, "the router has read-only sessions");
        var (before, clock, refused) = (await SessionsAsync(), Stopwatch.StartNew(), 0);

        while (refused < 400)
            refused += (await StatusesAsync()).Count(status => status == 503);

        // Each quarter of a second: the pool's sessions of two kinds of call, and the workers'. The server counts sessions late, also those that were
        // ended above, so within the first second only this is certain: it is far from one for each refused write.
        var allowed = Math.Max(refused / 2, 20 * (1 + (clock.Elapsed.TotalSeconds * 4)));
        await Eventually.ThatAsync(async () => await SessionsAsync() > before, Limit, "the server counts sessions");
        Assert.InRange(await SessionsAsync() - before, 0, allowed);
    }

    /// <summary>One of each kind that has connections of its own: gathered, and single calls at the same time.</summary>
    private async Task<IEnumerable<int>> StatusesAsync()
    {
        var single = Enumerable.Range(0, 4).Select(_ => _items.Api.PostAsync(
            "/v1:transact", $$"""{"pk":"a","ops":[{"op":"increment","collection":"{{_items.Name}}","id":"n","path":"n","by":1}]}"""));
        var replies = await Task.WhenAll([_items.PutAsync("a", "x", "{}"), _items.PutAsync("b", "x", "{}"), .. single]);
        return replies.Select(reply => reply.Status);
    }

    private Task<long> SessionsAsync() => Database.ScalarAsync<long>("select sessions from pg_stat_database where datname = current_database()");

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
    }
}
