using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardCore.Shards.Failover;
using ShardRouter.Callers;
using ShardRouter.Configuration;
using ShardRouter.Rings;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>
/// One <see cref="WatchedPool"/> for each shard address. It is made when first needed, and forgotten some time after the ring stopped
/// naming the address.
/// </summary>
internal sealed class ShardPools(
    RouterOptions options, RingHolder holder, ShardHistories histories, KeyHolder keys, RouterMetrics metrics, TimeProvider time,
    ILogger<ShardPools> log)
    : BackgroundService, IAsyncDisposable
{
    /// <summary>A pool is kept for longer than any request may take that began under the previous ring.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<(ShardId Id, string Address), Lazy<WatchedPool>> _pools = [];

    private int _isDisposed;

    /// <summary>Called when a shard is found to have another primary than before.</summary>
    public Action<ShardId>? TakenOver { get; set; }

    public ShardPool Of(Shard shard, ClusterId cluster) =>
        _pools.GetOrAdd((shard.Id, shard.Address), _ => new Lazy<WatchedPool>(() => Create(shard, cluster))).Value.Pool;

    /// <summary>Makes the pools and begins to watch their shards, before the first request needs them.</summary>
    public void Warm(ShardRing ring)
    {
        foreach (var shard in ring.Shards)
            Of(shard, ring.Cluster);
    }

    /// <summary>Somebody says that the shard has another primary. All its hosts are asked now, and nobody waits for that.</summary>
    public void LookAgain(ShardId shard)
    {
        foreach (var pool in Made.Select(each => each.Pool).Where(pool => pool.Shard.Id == shard))
        {
            // If no primary is found, the watch goes on.
            _ = pool.Primary?.LookAsync(CancellationToken.None).ContinueWith(look => look.Exception, TaskScheduler.Default);
        }
    }

    /// <summary>Asks all shards of the ring that answer for their API keys, at once.</summary>
    public IReadOnlyList<Task<bool>> LookAtKeys(ShardRing ring) =>
    [
        .. Made.Where(each => each.Pool.Circuit.IsClosed && ring.Find(each.Pool.Shard.Id)?.Address == each.Pool.Shard.Address)
            .Select(each => each.LookAtKeysAsync()),
    ];

    public IEnumerable<Measurement<int>> Measure(Func<ShardPool, int> reading) => Made
        .Select(each => new Measurement<int>(reading(each.Pool), new KeyValuePair<string, object?>("shard", each.Pool.Shard.Id.Value)));

    /// <summary>
    /// Slots about whose owner a shard and the ring disagree. A shard that moved has a watch for each of its addresses, and only one of
    /// them counts slots.
    /// </summary>
    public IEnumerable<Measurement<int>> MeasureDisagreeing() => Made.GroupBy(each => each.Pool.Shard.Id)
        .Select(same => new Measurement<int>(same.Max(each => each.Disagreeing), new KeyValuePair<string, object?>("shard", same.Key.Value)));

    private IEnumerable<WatchedPool> Made => _pools.Values.Where(pool => pool.IsValueCreated).Select(pool => pool.Value);

    /// <summary>Forgets shards that left the ring. Then nobody connects to them or counts them any more.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var leftAt = new Dictionary<(ShardId, string), long>();
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (holder.Current is not { } ring)
                continue;
            foreach (var address in _pools.Keys)
            {
                if (ring.Find(address.Id)?.Address == address.Address)
                    leftAt.Remove(address);
                else if (leftAt.TryAdd(address, time.GetTimestamp()) || time.GetElapsedTime(leftAt[address]) < KeptFor)
                    continue;
                else if (leftAt.Remove(address) && _pools.TryRemove(address, out var pool))
                    await pool.Value.DisposeAsync();
            }
        }
    }

    private WatchedPool Create(Shard shard, ClusterId cluster)
    {
        var primary = shard.At.HasStandbys ? ShardAccess.Watched(shard.At, settings => Configure(settings, SessionSettings.Router)) : null;
        var control = new ShardSessions(DatabaseOf(shard, primary, SessionSettings.Router));
        var shardLog = new ShardLog(shard.Id, DatabaseOf(shard, primary, SessionSettings.Router));
        var sessions = new ShardSessions(DatabaseOf(shard, primary, SessionSettings.Router), shardLog);
        var gatherSessions = new ShardSessions(DatabaseOf(shard, primary, SessionSettings.Gathering), shardLog);
        ShardSessions[] all = [sessions, gatherSessions, control];
        primary?.Moved += (_, _) =>
        {
            Array.ForEach(all, each => each.Renew()); // nothing is sent to the replaced server any more
            TakenOver?.Invoke(shard.Id);
        };
        var circuit = new ShardCircuit();
        var ownership = new OwnershipWatch(shard, control, holder, time, log);
        var history = new HistoryWatch(shard, DatabaseOf(shard, primary, SessionSettings.Router), primary, histories, holder, metrics, log);
        var keyWatch = new KeyWatch(shard, control, keys, holder, log);
        var monitor = new ShardMonitor(shard, cluster, all, circuit, history, ownership, keyWatch, shardLog, time, log);
        var pool = new ShardPool(shard, sessions, gatherSessions, new StatementCancel(control), options.PoolSize, circuit, metrics, log)
        {
            QueueTarget = new QueueTarget(options.QueueDelay),
            Log = shardLog,
            Primary = primary,
            Standbys = primary is null ? null : new StandbyPools(primary, host => Create(shard, host, shardLog), time),
        };
        return new WatchedPool(pool, control, ownership, keyWatch, monitor, primary);
    }

    /// <summary>Makes the pool of a standby. It has no monitor: only the looks at all hosts watch it.</summary>
    private StandbyPool Create(Shard shard, StandbyHost host, ShardLog shardLog)
    {
        var address = new ShardAddress([host.Host], shard.Database);
        var control = new ShardSessions(DatabaseOf(SessionSettings.Router));
        var sessions = new ShardSessions(DatabaseOf(SessionSettings.Router), shardLog, host);
        var gatherSessions = new ShardSessions(DatabaseOf(SessionSettings.Gathering), shardLog, host);
        var pool = new ShardPool(
            shard, sessions, gatherSessions, new StatementCancel(control), options.PoolSize, new ShardCircuit(), metrics, log)
        {
            Name = $"{shard.Id} {host.Host}",
            QueueTarget = new QueueTarget(options.QueueDelay),
            Log = shardLog,
        };
        return new StandbyPool(host, pool, [sessions, gatherSessions, control], time);

        ShardDatabase DatabaseOf(string settings) => ShardDatabase.Of(address, null, each => Configure(each, settings));
    }

    /// <summary>
    /// The database without Npgsql's pool and its command timeouts: <see cref="ShardSessions"/> tells why. A gathered statement must not
    /// wait, neither for a slot that is being frozen nor for a row that another transaction holds. It fails instead. Each of its
    /// operations then goes, and waits, by itself.
    /// </summary>
    private ShardDatabase DatabaseOf(Shard shard, ShardPrimary? primary, string options) =>
        ShardDatabase.Of(shard.At, primary, settings => Configure(settings, options));

    private void Configure(NpgsqlConnectionStringBuilder settings, string sessionOptions)
    {
        settings.ApplicationName = "router " + options.RouterId;
        settings.Pooling = false;
        settings.Timeout = 3;
        settings.CommandTimeout = 0;
        settings.Enlist = false;
        settings.IncludeErrorDetail = true; // SH003 has its result in the detail; no detail is logged or sent on
        settings.Options = sessionOptions;
    }

    /// <summary>Registered as itself and as a hosted service, so the container disposes of it twice.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
            return;
        foreach (var pool in Made)
            await pool.DisposeAsync();
        Dispose();
    }
}
