using System.Globalization;
using System.Security.Cryptography;
using ShardCore.Access;
using ShardCore.Migrations;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace TestCluster;

/// <summary>
/// A cluster as <c>shardadmin init</c> leaves it, made without that program: schema, identity and ownership in every
/// shard (s1, s2, …, each with one run of slots), the first ring in Redis. Owns its databases; Redis is lent.
/// </summary>
public sealed class SeededCluster : IAsyncDisposable
{
    private static int _count;

    private readonly RedisConnection _redis;
    private readonly byte[] _cursorSecret = RandomNumberGenerator.GetBytes(ShardIdentity.CursorSecretBytes);

    private readonly List<SeededShard> _shards;

    private SeededCluster(IReadOnlyList<SeededShard> shards, RedisServer server, RedisConnection redis, ClusterId id)
    {
        _shards = [.. shards];
        RedisServer = server;
        _redis = redis;
        Keys = new RedisKeys(id.Name);
        RingStore = new RedisRingStore(redis, Keys);
        Registry = new RouterRegistry(redis, Keys);
        Shard[] all = [.. shards.Select(shard => shard.Shard)];
        Ring = ShardRing.Create(id, Epoch.First, all, RingPlanner.Plan([], all).Owners);
    }

    public IReadOnlyList<SeededShard> Shards => _shards;

    public RedisServer RedisServer { get; }

    public RedisKeys Keys { get; }

    public RedisRingStore RingStore { get; }

    public RouterRegistry Registry { get; }

    /// <summary>The last ring that this object published.</summary>
    public ShardRing Ring { get; private set; }

    public SeededShard this[string id] => Shards.First(shard => shard.Id == id);

    /// <summary>Three databases of the assembly's one server are three shards.</summary>
    public static async Task<SeededCluster> CreateAsync(SharedPostgres postgres, SharedRedis redis, int shards = 3)
    {
        var databases = new List<TestDatabase>();
        for (var i = 0; i < shards; i++) // one after the other: they are copies of one template
            databases.Add(await postgres.CreateShardAsync());
        return await CreateAsync(databases, await redis.ServerAsync());
    }

    /// <param name="databases">Empty, or with the shard schema; s1, s2, … in their order.</param>
    /// <param name="portOf">Under which the ring names a database, when something stands before it; its own otherwise.</param>
    public static Task<SeededCluster> CreateAsync(IReadOnlyList<TestDatabase> databases, RedisServer redis, Func<TestDatabase, int>? portOf = null) =>
        CreateAsync(databases, redis, database => [new ShardHost(database.Host, portOf?.Invoke(database) ?? database.Port)]);

    /// <param name="databases">Empty, or with the shard schema; s1, s2, … in their order.</param>
    /// <param name="hostsOf">What the ring names as the hosts of a database.</param>
    public static async Task<SeededCluster> CreateAsync(IReadOnlyList<TestDatabase> databases, RedisServer redis, Func<TestDatabase, IReadOnlyList<ShardHost>> hostsOf)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test-{Interlocked.Increment(ref _count)}");
        var shards = databases.Select((database, index) => new SeededShard(
            new Shard(new ShardId(string.Create(CultureInfo.InvariantCulture, $"s{index + 1}")), new ShardAddress(hostsOf(database), database.Name)), database));
        var cluster = new SeededCluster([.. shards], redis, await RedisConnection.OpenAsync(redis.Endpoint), new ClusterId(name, Guid.NewGuid()));
        await Task.WhenAll(cluster.Shards.Select(cluster.SeedAsync));
        await cluster.PublishAsync(cluster.Ring, expected: null);
        return cluster;
    }

    /// <summary>Starts a router of this cluster and waits until it is ready.</summary>
    /// <param name="settings">Environment variables beside those that a router of this cluster needs.</param>
    public async Task<RouterProcess> StartRouterAsync(params (string Variable, string Value)[] settings)
    {
        var router = await StartUnreadyRouterAsync(settings);
        await router.WaitUntilReadyAsync();
        return router;
    }

    /// <summary>Starts a router and waits only until its operations port answers.</summary>
    public Task<RouterProcess> StartUnreadyRouterAsync(params (string Variable, string Value)[] settings) =>
        RouterProcess.StartAsync([("SHARDING_CLUSTER", Ring.Cluster.Name), ("SHARDING_REDIS", RedisServer.Endpoint), .. settings]);

    /// <summary>Makes an API key in all shards, as <c>shardadmin keys create</c> does.</summary>
    /// <param name="scopes">All, if there are none.</param>
    public async Task<(string Text, ApiKey Key)> CreateKeyAsync(
        string[]? scopes = null, string[]? collections = null, string[]? partitions = null, DateTime? expires = null)
    {
        var (text, id, hash) = ApiKeyText.Create();
        var now = DateTime.UtcNow;
        var key = new ApiKey(
            id, "test", hash, scopes ?? [.. AccessScopes.AllNames], collections, partitions, now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMillisecond)), expires, null, null);
        foreach (var shard in Shards)
            await ApiKeyStore.MergeAsync(shard.Database.DataSource, [key], CancellationToken.None);
        return (text, key);
    }

    /// <summary>A further shard that owns nothing; no ring knows of it until the next one is published.</summary>
    public async Task<SeededShard> AddShardAsync(TestDatabase database)
    {
        var id = new ShardId(string.Create(CultureInfo.InvariantCulture, $"s{_shards.Count + 1}"));
        var shard = new SeededShard(new Shard(id, database.Host, database.Port, database.Name), database);
        _shards.Add(shard);
        await SeedAsync(shard);
        return shard;
    }

    /// <returns>The highest position of a shard that routers know; null: none.</returns>
    public async Task<ShardPosition?> PositionAsync(string shard) =>
        (await new ShardPositionStore(_redis, Keys).ReadAsync(CancellationToken.None)).GetValueOrDefault(shard)?.Value?.Position;

    /// <summary>Publishes the ring's next version, in which the slots belong to another shard. The shards are not touched.</summary>
    public async Task PublishNextAsync(IEnumerable<Slot> slots, string newOwner)
    {
        var owners = Ring.Owners.ToArray();
        foreach (var slot in slots)
            owners[slot.Value] = this[newOwner].Shard.Id;
        await PublishAsync(Ring.Next(_shards.Select(shard => shard.Shard), owners), Ring.Epoch);
    }

    /// <summary>Writes any text where the ring stands, past the compare-and-set, and tells the routers or not.</summary>
    public Task WriteRingTextAsync(string text, bool tell = true) => _redis.CallAsync(
        async database =>
        {
            await database.StringSetAsync(Keys.Ring, text);
            return tell && await database.PublishAsync(new StackExchange.Redis.RedisChannel(Keys.RingChanged, StackExchange.Redis.RedisChannel.PatternMode.Literal), "") > 0;
        },
        CancellationToken.None);

    public Task RemoveRingAsync() => _redis.CallAsync(database => database.KeyDeleteAsync(Keys.Ring), CancellationToken.None);

    /// <summary>Puts something that is no text where the ring stands.</summary>
    public Task WriteRingListAsync() => _redis.CallAsync(
        async database =>
        {
            await database.KeyDeleteAsync(Keys.Ring);
            return await database.ListLeftPushAsync(Keys.Ring, "x");
        },
        CancellationToken.None);

    /// <summary>A partition key whose slot the shard owns by <see cref="Ring"/>; another one for each number.</summary>
    public string PartitionOf(string shard, int number = 0) => Enumerable.Range(0, int.MaxValue)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"pk-{i}"))
        .Where(pk => Ring.OwnerOf(SlotHash.Of(pk)).Id.Value == shard)
        .ElementAt(number);

    public async ValueTask DisposeAsync()
    {
        await _redis.DisposeAsync();
        foreach (var shard in Shards)
            await shard.Database.DisposeAsync();
    }

    private async Task SeedAsync(SeededShard shard)
    {
        var source = shard.Database.DataSource;
        var migrated = await new ShardMigrator().MigrateAsync(source, CancellationToken.None);
        if (!migrated.IsCurrent)
            throw new InvalidOperationException($"The schema of {shard.Id} could not be made: {migrated.Problem}");
        var identity = new ShardIdentity(Ring.Cluster, shard.Shard.Id, _cursorSecret, Ring.Epoch, Ring.Shards);
        await ShardOwnershipStore.WriteIdentityAsync(source, identity, CancellationToken.None);
        await ShardOwnershipStore.InsertFirstOwnershipAsync(source, Ring.SlotsOf(shard.Shard.Id), Ring.Epoch, CancellationToken.None);
    }

    private async Task PublishAsync(ShardRing ring, Epoch? expected)
    {
        if (await RingStore.PublishAsync(ring, expected, "tests", "a test", CancellationToken.None) is var result && result != RingPublishResult.Published)
            throw new InvalidOperationException($"The ring {ring.Epoch} was not published: {result}.");
        Ring = ring;
    }
}
