using Npgsql;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>A shard whose max_connections others have used up: it lives, but lets nobody in.</summary>
[Collection(FaultTests.Name)]
public sealed class TakenConnectionsTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Quick = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private PostgresServer _server = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _pk = "";

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresProvider.Default.StartAsync(new PostgresOptions(Settings: TakenConnections.Settings(30)));
        _cluster = await SeededCluster.CreateAsync([await _server.CreateDatabaseAsync(), await postgres.CreateShardAsync()], await redis.ServerAsync());
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        _pk = _cluster.PartitionOf("s1");
    }

    [Fact]
    public async Task Requests_are_refused_at_once_others_are_not_disturbed_and_it_serves_again_when_some_are_free()
    {
        var other = _cluster.PartitionOf("s2");
        await using var client = await ContinuousClient.StartAsync(_items, _pk, other);

        TimeSpan taken;
        await using (await TakenConnections.TakeAllAsync(_server))
        {
            taken = client.Now;
            await client.AnswersAsync(_pk, 40);
            await client.AnswersAsync(other, 40);
        }
        var free = client.Now;
        await Eventually.ThatAsync(() => client.Of(_pk, free).Any(exchange => exchange.Succeeded), TimeSpan.FromSeconds(5), "s1 is served again");
        await client.AnswersAsync(_pk, 10);
        var exchanges = await client.StopAsync();

        var refused = exchanges.Where(exchange => exchange.Pk == _pk && exchange.AskedAt > taken && exchange.AskedAt + exchange.Took < free).ToList();
        Assert.True(refused.Count >= 30, $"Only {refused.Count} requests met the full shard.");
        Assert.All(refused, exchange => Assert.True(exchange is { Status: 503, Code: "shard-unavailable", RetryAfter: not null }, exchange.ToString()));
        Assert.InRange(refused.Average(exchange => exchange.Took <= Quick ? 1.0 : 0), 0.95, 1);
        Assert.All(exchanges.Where(exchange => exchange.Pk == _pk && !exchange.Succeeded), exchange => Assert.True(exchange.Status == 503 || exchange is { Status: 504, Written: not null }, exchange.ToString()));
        Assert.All(exchanges.Where(exchange => exchange.Pk == other), exchange => Assert.True(exchange.Succeeded, exchange.ToString()));
        _cluster["s1"].Database.DataSource.Clear(); // its connections were ended
        var stored = (await _cluster["s1"].Database.ScalarAsync<string[]>($"select array_agg(id) from sharding.item where pk = '{_pk}'"))!.ToHashSet(StringComparer.Ordinal);
        Assert.All(exchanges.Where(exchange => exchange is { Status: 201 } && exchange.Pk == _pk), exchange => Assert.Contains(exchange.Written!, stored));
        Assert.All(exchanges.Where(exchange => exchange is { Status: 503, Written: not null } && exchange.Pk == _pk), exchange => Assert.DoesNotContain(exchange.Written!, stored));
    }

    /// <summary>Cancelling needs a connection of its own, of which there is none.</summary>
    [Fact]
    public async Task A_request_that_waits_for_a_lock_has_its_answer_in_time_although_it_cannot_be_cancelled_over_a_new_connection()
    {
        (await _items.PutAsync(_pk, "x", "{}")).Expect(201);
        await using var lockHolder = await _cluster["s1"].Database.DataSource.OpenConnectionAsync();
        await using var transaction = await lockHolder.BeginTransactionAsync();
        await using (var update = new NpgsqlCommand("update sharding.item set version = version where id = 'x'", lockHolder))
            await update.ExecuteNonQueryAsync();
        var waiting = _items.PutAsync(_pk, "x", """{"a":1}""", ("Request-Timeout", "3"));
        await Eventually.ThatAsync(
            async () => await _cluster["s1"].Database.ScalarAsync<bool>("select exists (select from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'router %')"),
            Limit, "the write waits for the row");

        ApiReply reply;
        await using (await TakenConnections.TakeFreeAsync(_server))
            reply = await waiting;
        await transaction.RollbackAsync();

        Assert.Equal(504, reply.Status);
        Assert.InRange(reply.Elapsed.TotalSeconds, 2.9, 4);
        Assert.Equal("{}", (await _items.GetAsync(_pk, "x")).Expect(200).Text);
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _server.DisposeAsync();
    }
}
