using System.Globalization;
using ShardAdmin.Failures;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>A cluster name of its own in Redis, databases of its own, and the command line to work on them.</summary>
internal sealed class AdminCluster(SharedPostgres postgres, string redis) : IAsyncDisposable
{
    private static int _count;

    private readonly List<TestDatabase> _databases = [];

    public string Name { get; private init; } = string.Create(
        CultureInfo.InvariantCulture, $"admin-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");

    public string Redis { get; } = redis;

    public static async Task<AdminCluster> NewAsync(SharedPostgres postgres, SharedRedis redis, int databases = 0) =>
        await NewAsync(postgres, (await redis.ServerAsync()).Endpoint, databases);

    public static async Task<AdminCluster> NewAsync(SharedPostgres postgres, string redis, int databases)
    {
        var cluster = new AdminCluster(postgres, redis);
        for (var i = 0; i < databases; i++)
            await cluster.NewDatabaseAsync();
        return cluster;
    }

    /// <summary>This cluster after it came back elsewhere: its name, with another Redis and other servers.</summary>
    public AdminCluster Restored(string redis, IEnumerable<TestDatabase> databases)
    {
        var cluster = new AdminCluster(postgres, redis) { Name = Name };
        cluster._databases.AddRange(databases);
        return cluster;
    }

    /// <summary>With shards s1, s2, … that own their slots.</summary>
    public static async Task<AdminCluster> InitialisedAsync(SharedPostgres postgres, SharedRedis redis, int shards)
    {
        var cluster = await NewAsync(postgres, redis, shards);
        (await cluster.RunAsync(cluster.InitArguments(shards))).Succeeds();
        return cluster;
    }

    public int Databases => _databases.Count;

    /// <summary>The database of shard s1 is number 1.</summary>
    public TestDatabase Database(int number) => _databases[number - 1];

    public async Task<TestDatabase> NewDatabaseAsync()
    {
        var database = await postgres.CreateDatabaseAsync();
        _databases.Add(database);
        return database;
    }

    /// <summary>A database of another server than the shared one; it is dropped with this cluster.</summary>
    public void Adopt(TestDatabase database) => _databases.Add(database);

    public string[] InitArguments(int shards) =>
        ["init", .. Enumerable.Range(1, shards).SelectMany(number => new[] { "--shard", $"s{number}={Database(number).Address}" })];

    public string[] AddArguments(int number, params string[] further) =>
        ["add-shard", $"s{number}", "--host", Database(number).Host, "--port", $"{Database(number).Port}", "--database", Database(number).Name, .. further];

    public Task<AdminRun> RunAsync(params string[] arguments) => RunAsync(null, arguments);

    public Task<AdminRun> RunAsync(string? failpoint, string[] arguments, string input = "", CancellationToken interrupt = default)
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["SHARDING_REDIS"] = Redis, ["SHARDING_CLUSTER"] = Name };
        if (failpoint is not null)
            environment["SHARDING_FAILPOINT"] = failpoint + ":error";
        return AdminRun.OfAsync(environment, arguments, input, interrupt);
    }

    public async Task<T> InRedisAsync<T>(Func<RedisConnection, RedisRingStore, Task<T>> work)
    {
        await using var connection = await RedisConnection.OpenAsync(Redis);
        return await work(connection, new RedisRingStore(connection, new RedisKeys(Name)));
    }

    public Task<ShardRing?> RingAsync() => InRedisAsync((_, rings) => rings.ReadAsync(default));

    public Task<string?> RingTextAsync() => InRedisAsync((_, rings) => rings.ReadTextAsync(default));

    /// <summary>As if Redis had lost everything of this cluster, the history included.</summary>
    public Task<bool> ForgetRingAsync() => InRedisAsync((redis, _) => redis.CallAsync(
        async database => await database.KeyDeleteAsync(new RedisKeys(Name).Ring) | await database.KeyDeleteAsync(new RedisKeys(Name).RingHistory), default));

    public Task<bool> PutRingTextAsync(string text) =>
        InRedisAsync((redis, _) => redis.CallAsync(database => database.StringSetAsync(new RedisKeys(Name).Ring, text), default));

    public Task<ShardIdentity?> IdentityAsync(int number) => ShardOwnershipStore.ReadIdentityAsync(Database(number).DataSource, default);

    public async Task InsertItemAsync(int number, string pk, int? slot = null)
    {
        await CreateCollectionAsync();
        await Database(number).ExecuteAsync($"insert into sharding.item values (1, now(), null, {slot ?? SlotHash.Of(pk).Value}, 'c', '{pk}', 'i', '{{}}')");
    }

    /// <summary>The collection c, in every database that is a shard.</summary>
    public async Task CreateCollectionAsync()
    {
        foreach (var database in _databases)
            if (await database.ScalarAsync<bool>("select to_regclass('sharding.collection') is not null"))
                await database.ExecuteAsync("insert into sharding.collection (name) values ('c') on conflict (name) do nothing");
    }

    /// <summary>The ring is published, and everybody says the same as it.</summary>
    public async Task<ShardRing> AssertSoundAsync(int shards)
    {
        var ring = await RingAsync();
        Assert.NotNull(ring);
        Assert.Equal(shards, ring.Shards.Length);
        (await RunAsync("verify")).Succeeds("ok");
        var doctor = await RunAsync("doctor", "-o", "json");
        Assert.True(doctor.Exit == ExitCode.Done, doctor.Out);
        foreach (var check in new[] { "shard-list-copies", "slot-ownership", "collections", "residue" })
            Assert.Equal("ok", doctor.Json.GetProperty("checks").EnumerateArray().Single(each => each.GetProperty("check").GetString() == check).GetProperty("level").GetString());
        return ring;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _databases)
            await database.DisposeAsync();
    }
}
