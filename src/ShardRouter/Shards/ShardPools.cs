using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards;
using ShardRouter.Configuration;
using ShardRouter.Routing;
using ShardRouter.Telemetry;

namespace ShardRouter.Shards;

/// <summary>One <see cref="ShardPool"/> for each shard address, made when first needed and watched from then on.</summary>
internal sealed class ShardPools(RouterOptions options, RingHolder holder, ShardHistories histories, RouterMetrics metrics, TimeProvider time, ILogger<ShardPools> log) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(ShardId Id, string Address), Lazy<ShardPool>> _pools = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentBag<Task> _monitors = [];
    private readonly ConcurrentBag<OwnershipWatch> _ownership = [];
    private readonly ShardDataSources _sources = new(settings => Configure(settings, options));
    private readonly ShardDataSources _gatherSources = new(settings => ConfigureGathering(settings, options));
    private readonly ShardDataSources _controlSources = new(settings => ConfigureControl(settings, options));

    public ShardPool Of(Shard shard, ClusterId cluster) =>
        _pools.GetOrAdd((shard.Id, shard.Address), _ => new Lazy<ShardPool>(() => Create(shard, cluster))).Value;

    /// <summary>Pools and their watching begin before the first request needs them.</summary>
    public void Warm(ShardRing ring)
    {
        foreach (var shard in ring.Shards)
            Of(shard, ring.Cluster);
    }

    public IEnumerable<Measurement<int>> Measure(Func<ShardPool, int> reading) => _pools.Values.Where(pool => pool.IsValueCreated)
        .Select(pool => new Measurement<int>(reading(pool.Value), new KeyValuePair<string, object?>("shard", pool.Value.Shard.Id.Value)));

    /// <summary>
    /// Slots about whose owner a shard and the ring disagree. A shard that moved has a watch for each address, of which one counts
    /// slots.
    /// </summary>
    public IEnumerable<Measurement<int>> MeasureDisagreeing() => _ownership.GroupBy(watch => watch.Shard.Id)
        .Select(same => new Measurement<int>(same.Max(watch => watch.Disagreeing), new KeyValuePair<string, object?>("shard", same.Key.Value)));

    private ShardPool Create(Shard shard, ClusterId cluster)
    {
        var source = _sources.Of(shard);
        var circuit = new ShardCircuit();
        var ownership = new OwnershipWatch(shard, source, holder, time, log);
        _ownership.Add(ownership);
        var history = new HistoryWatch(shard, source, histories, holder, metrics, log);
        _monitors.Add(new ShardMonitor(shard, cluster, source, circuit, history, ownership, time, log).RunAsync(_stopping.Token));
        return new ShardPool(shard, source, _gatherSources.Of(shard), new SessionCalls(_controlSources.Of(shard)), options.PoolSize, circuit, metrics, log);
    }

    private static void Configure(NpgsqlConnectionStringBuilder settings, RouterOptions options)
    {
        settings.ApplicationName = "router " + options.RouterId;
        settings.MaxPoolSize = options.PoolSize + 2; // the monitor's, and one for the catalogue
        settings.Timeout = 3;
        settings.CommandTimeout = 0;                 // each request brings its own deadline
        settings.CancellationTimeout = 250;          // a hung server does not confirm a cancel: give the connection up
        settings.NoResetOnClose = true;              // no statement of ours leaves anything behind in the session
        settings.Enlist = false;
        settings.IncludeErrorDetail = true;          // SH003 carries its result there; no detail is logged or sent on
        settings.KeepAlive = 0;                      // the monitor does it
        settings.Options = SessionSettings.Router;
    }

    /// <summary>
    /// A gathered statement must not wait: neither for a slot that is being frozen nor for a row that somebody else's
    /// transaction holds. It fails instead, and each of its operations then goes, and waits, by itself.
    /// </summary>
    private static void ConfigureGathering(NpgsqlConnectionStringBuilder settings, RouterOptions options)
    {
        Configure(settings, options);
        settings.Pooling = false; // a worker keeps its connection, and a connection that it drops is closed
        settings.CommandTimeout = 6;  // behind the worker's own limit: what it left to itself must end some time
        settings.Options = SessionSettings.Gathering;
    }

    /// <summary>For cancelling, when all other connections may be waiting.</summary>
    private static void ConfigureControl(NpgsqlConnectionStringBuilder settings, RouterOptions options)
    {
        Configure(settings, options);
        settings.MaxPoolSize = 2;
        settings.CommandTimeout = 3;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        foreach (var monitor in _monitors)
            await monitor.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var pool in _pools.Values.Where(pool => pool.IsValueCreated))
            pool.Value.Dispose();
        await _sources.DisposeAsync();
        await _gatherSources.DisposeAsync();
        await _controlSources.DisposeAsync();
        _stopping.Dispose();
    }
}
