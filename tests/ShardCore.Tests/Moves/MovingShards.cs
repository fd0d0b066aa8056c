using Npgsql;
using ShardCore.Migrations;
using ShardCore.Moves;
using ShardCore.Moves.Batches;
using ShardCore.Moves.HandingOver;
using ShardCore.Moves.Journal;
using ShardCore.Moves.Settling;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using TestCluster;

namespace ShardCore.Tests.Moves;

/// <summary>Two shards, of which the first owns everything, with a ring in Redis: what a move needs.</summary>
internal sealed class MovingShards : IAsyncDisposable
{
    public static readonly ShardId First = new("s1");
    public static readonly ShardId Second = new("s2");

    private readonly Dictionary<ShardId, TestDatabase> _databases;
    private readonly RedisConnection _redis;
    private readonly RedisRingStore _store;

    private MovingShards(Dictionary<ShardId, TestDatabase> databases, RedisConnection redis, RedisRingStore store, ShardRing ring)
    {
        _databases = databases;
        _redis = redis;
        _store = store;
        Shards = ring.Shards.ToDictionary(shard => shard.Id);
    }

    public Dictionary<ShardId, Shard> Shards { get; }

    public static async Task<MovingShards> StartAsync(SharedPostgres postgres, SharedRedis redis) =>
        await StartAsync(await postgres.CreateShardAsync(), await postgres.CreateShardAsync(), redis);

    /// <summary>On servers of the test's own, which it may break.</summary>
    public static async Task<MovingShards> StartAsync(PostgresServer first, PostgresServer second, SharedRedis redis)
    {
        TestDatabase[] databases = [await first.CreateDatabaseAsync(), await second.CreateDatabaseAsync()];
        foreach (var database in databases)
            Assert.True((await new ShardMigrator().MigrateAsync(database.DataSource, TestContext.Current.CancellationToken)).IsCurrent);
        return await StartAsync(databases[0], databases[1], redis);
    }

    private static async Task<MovingShards> StartAsync(TestDatabase first, TestDatabase second, SharedRedis redis)
    {
        var databases = new Dictionary<ShardId, TestDatabase> { [First] = first, [Second] = second };
        foreach (var database in databases.Values)
            await database.ExecuteAsync("insert into sharding.collection (name) values ('c'), ('d')");
        await databases[First].ExecuteAsync("insert into sharding.slot_ownership (slot, state, epoch) select s, 'owned', 1 from generate_series(0, 16383) s");
        var connection = await RedisConnection.OpenAsync((await redis.ServerAsync()).Endpoint);
        var cluster = new ClusterId($"moves-{Guid.NewGuid():N}", Guid.NewGuid());
        var ring = ShardRing.Create(
            cluster, Epoch.First,
            databases.Select(each => new Shard(each.Key, each.Value.Host, each.Value.Port, each.Value.Name)),
            [.. Enumerable.Repeat(First, Slot.Count)]);
        var store = new RedisRingStore(connection, new RedisKeys(cluster.Name));
        Assert.Equal(RingPublishResult.Published, await store.PublishAsync(ring, null, "test", "test", TestContext.Current.CancellationToken));
        return new MovingShards(databases, connection, store, ring);
    }

    public NpgsqlDataSource Of(ShardId shard) => _databases[shard].DataSource;

    public Task<ShardRing?> RingAsync() => _store.ReadAsync(CancellationToken.None);

    public async Task<MoveBatch> PlanAsync(IEnumerable<Slot> slots, ShardId from, ShardId to)
    {
        var batch = new MoveBatch(Guid.NewGuid(), Guid.NewGuid(), 0, to, [.. slots], MovePhase.Planned, 0, null, null);
        await new MoveJournal(Of(from)).AddAsync([batch], "test", CancellationToken.None);
        return batch;
    }

    public BatchMover Mover(ShardId from, ShardId to, MoveOptions options) => Mover(from, Shards[to], options);

    public BatchMover Mover(ShardId from, Shard to, MoveOptions options) => new(
        Shards[from], to, new ShardAccess(settings => settings.Username = "sharding"), Publication, options);

    public RingPublication Publication => new(_store, "test", RingBasis.OfRing);

    public BatchSettlement Settlement(ShardId from, ShardId to, MoveOptions options) =>
        new(Shards[from], Shards[to], new ShardAccess(settings => settings.Username = "sharding"), new RingPublication(_store, "test", RingBasis.OfRing), options);

    public async Task<T> ScalarAsync<T>(ShardId shard, string sql)
    {
        await using var command = Of(shard).CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <param name="sql">Each statement by itself, as some DDL takes no transaction around it.</param>
    public async Task ExecuteAsync(ShardId shard, string sql)
    {
        foreach (var statement in sql.Split(';'))
        {
            await using var command = Of(shard).CreateCommand(statement);
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>Puts rows with a document of about this many bytes into a slot, half of them into each of two collections.</summary>
    public async Task FillAsync(ShardId shard, Slot slot, int rows, int documentBytes)
    {
        await using var command = Of(shard).CreateCommand(FormattableString.Invariant($"""
            insert into sharding.item (version, updated_at, slot, collection, pk, id, doc)
            select n, now(), {slot}, case when n % 2 = 0 then 'c' else 'd' end, 'pk' || n % 7, 'id' || n, jsonb_build_object('n', n, 'text', repeat(md5(n::text), {documentBytes / 32}))
            from generate_series(1, {rows}) n
            """));
        command.CommandTimeout = 300;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Nothing that a move makes for its own sake is left in either shard.</summary>
    public async Task AssertNoMoveAsync()
    {
        foreach (var shard in (ShardId[])[First, Second])
        {
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from sharding.move"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from sharding.move_import"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from pg_publication"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from pg_replication_slots where database = current_database()"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from sharding.slot_ownership where state in ('frozen', 'importing') or move_id is not null or (state = 'owned' and peer is not null)"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from sharding.before_image"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"));
            Assert.Equal(0L, await ScalarAsync<long>(shard, "select count(*) from sharding.item i left join sharding.slot_ownership o using (slot) where o.state is distinct from 'owned'"));
        }
    }

    /// <summary>Everything that a move makes for its own sake must be gone, and each slot be owned once.</summary>
    public async Task AssertCleanAsync(IReadOnlyCollection<Slot> moved, ShardId owner, ShardId former)
    {
        var list = string.Join(',', moved);
        await AssertNoMoveAsync();
        Assert.Equal(0L, await ScalarAsync<long>(former, $"select count(*) from sharding.item where slot in ({list})"));
        Assert.Equal((long)moved.Count, await ScalarAsync<long>(former, $"select count(*) from sharding.slot_ownership where slot in ({list}) and state = 'released' and peer = '{owner}'"));
        Assert.Equal((long)moved.Count, await ScalarAsync<long>(owner, $"select count(*) from sharding.slot_ownership where slot in ({list}) and state = 'owned'"));
        var ring = await RingAsync();
        Assert.All(moved, slot => Assert.Equal(owner, ring!.OwnerOf(slot).Id));
    }

    public async ValueTask DisposeAsync()
    {
        await _redis.DisposeAsync();
        foreach (var database in _databases.Values)
            await database.DisposeAsync();
    }
}
