using System.Security.Cryptography;
using TestCluster;

namespace ShardRouter.Tests.Faults;

/// <summary>A shard whose disk is full, data and WAL being on the same one.</summary>
public sealed class FullDiskTests(SharedPostgres postgres, SharedRedis redis) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private SmallDisk _disk = null!;
    private PostgresServer _server = null!;
    private SeededCluster _cluster = null!;
    private RouterProcess _router = null!;
    private ApiCollection _items = null!;
    private string _pk = "";

    public async ValueTask InitializeAsync()
    {
        _disk = await SmallDisk.MountAsync();
        _server = await PostgresProvider.Default.StartAsync(new PostgresOptions { Disk = _disk });
        _cluster = await SeededCluster.CreateAsync([await _server.CreateDatabaseAsync(), await postgres.CreateShardAsync()], await redis.ServerAsync());
        _router = await _cluster.StartRouterAsync();
        _items = await ApiCollection.CreateAsync(_router.Api);
        _pk = _cluster.PartitionOf("s1");
    }

    [Fact]
    public async Task Writes_are_refused_reads_go_on_and_with_room_writes_succeed_without_a_restart()
    {
        (await _items.PutAsync(_pk, "kept", """{"n":1}""")).Expect(201);
        await _server.ExecuteAsync("select pg_switch_wal()"); // a segment to itself: there is room for WAL, and none for data
        await _server.ExecuteAsync("checkpoint");
        await _disk.FillAsync();

        var written = new List<(string Id, int Status)>();
        await Eventually.ThatAsync(async () => await WriteAsync(written) == 503, Limit, "what room is left in files is used up");
        for (var i = 0; i < 5; i++)
            await WriteAsync(written);
        var refused = await _items.PutAsync(_pk, "refused", LargeDocument());
        var read = await _items.GetAsync(_pk, "kept");
        var list = await _items.ListAsync(_pk, "limit=1");
        var other = await _items.PutAsync(_cluster.PartitionOf("s2"), "x", LargeDocument());
        _disk.MakeRoom();
        var after = await _items.PutAsync(_pk, "after", LargeDocument());

        Assert.All(written, each => Assert.True(each.Status is 201 or 503, $"{each}"));
        refused.ExpectProblem(503, "shard-unavailable");
        Assert.NotNull(refused["Retry-After"]);
        Assert.Equal(1, read.Expect(200).Json.GetProperty("n").GetInt32());
        list.Expect(200);
        other.Expect(201);
        after.Expect(201);
        var stored = await StoredAsync();
        Assert.Equal([.. written.Where(each => each.Status == 201).Select(each => each.Id), "after", "kept"], stored);
    }

    /// <summary>Where not even WAL can be written Postgres panics, and cannot recover either before there is room.</summary>
    [Fact]
    public async Task A_shard_that_cannot_write_WAL_any_more_loses_nothing_and_serves_again_when_there_is_room()
    {
        var other = _cluster.PartitionOf("s2");
        await using var client = await ContinuousClient.StartAsync(_items, _pk, other);

        await _disk.FillAsync();
        await UseUpWalAsync();
        var down = client.Now;
        await Eventually.ThatAsync(() => client.Of(_pk, down).Count(exchange => exchange is { Status: 503, Written: null }) >= 10, Limit, "10 reads are refused: the server is down");
        _disk.MakeRoom();
        await Eventually.ThatAsync(StartedAsync, Limit, "the server is up");
        var up = client.Now;
        await Eventually.ThatAsync(() => client.Of(_pk, up).Count(exchange => exchange.Succeeded) >= 20, Limit, "s1 is served again");
        var exchanges = await client.StopAsync();

        Assert.All(
            exchanges.Where(exchange => exchange.Pk == _pk && !exchange.Succeeded),
            exchange => Assert.True(exchange is { Status: 503, Code: "shard-unavailable", RetryAfter: not null } or { Status: 504, Written: not null }, exchange.ToString()));
        Assert.All(exchanges.Where(exchange => exchange.Pk == other), exchange => Assert.True(exchange.Succeeded, exchange.ToString()));
        var stored = (await StoredAsync()).ToHashSet(StringComparer.Ordinal);
        Assert.All(exchanges.Where(exchange => exchange is { Status: 201 } && exchange.Pk == _pk), exchange => Assert.Contains(exchange.Written!, stored));
        Assert.All(exchanges.Where(exchange => exchange is { Status: 503, Written: not null } && exchange.Pk == _pk), exchange => Assert.DoesNotContain(exchange.Written!, stored));
    }

    private async Task<int> WriteAsync(List<(string Id, int Status)> written)
    {
        var id = $"{written.Count:0000}";
        var reply = await _items.PutAsync(_pk, id, LargeDocument());
        written.Add((id, reply.Status));
        return reply.Status;
    }

    /// <summary>Not to be compressed, so that each one takes pages of its own.</summary>
    private static string LargeDocument() => $$"""{"t":"{{Convert.ToBase64String(RandomNumberGenerator.GetBytes(30_000))}}"}""";

    /// <summary>Until it has to make a new file for it.</summary>
    private Task UseUpWalAsync() => Eventually.ThatAsync(
        async () =>
        {
            try
            {
                await _server.ExecuteAsync("select pg_logical_emit_message(true, 'test', 'something'), pg_switch_wal()");
                return false;
            }
            catch (Npgsql.NpgsqlException)
            {
                return true;
            }
        },
        Limit, "Postgres cannot write WAL any more");

    /// <summary>It may be about to give up, or recover by itself if there is room in time.</summary>
    private async Task<bool> StartedAsync()
    {
        await _server.StartAsync();
        await _server.ExecuteAsync("select 1");
        return true;
    }

    private async Task<string[]> StoredAsync()
    {
        _cluster["s1"].Database.DataSource.Clear(); // connections from before a crash
        return (await _cluster["s1"].Database.ScalarAsync<string[]>($"select array_agg(id order by id) from sharding.item where collection = '{_items.Name}' and pk = '{_pk}'"))!;
    }

    public async ValueTask DisposeAsync()
    {
        await _router.DisposeAsync();
        await _cluster.DisposeAsync();
        await _server.DisposeAsync();
        await _disk.DisposeAsync();
    }
}
