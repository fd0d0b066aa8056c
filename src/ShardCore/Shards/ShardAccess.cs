using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards;

/// <summary>
/// How a program connects to shards, and what it knows of their primaries. It watches the shards that have standbys as long as it lives.
/// </summary>
/// <param name="configure">Adjusts the connection string of every shard: pool size, application name, timeouts.</param>
public sealed class ShardAccess(Action<NpgsqlConnectionStringBuilder> configure) : IAsyncDisposable
{
    private const int ProbeConnectSeconds = 2;

    private readonly ConcurrentDictionary<ShardAddress, Lazy<ShardPrimary>> _primaries = [];

    public Action<NpgsqlConnectionStringBuilder> Configure => configure;

    /// <returns>The primary of the shard; null: the shard has one host.</returns>
    public ShardPrimary? PrimaryOf(ShardAddress address) => address.HasStandbys
        ? _primaries.GetOrAdd(address, _ => new Lazy<ShardPrimary>(() => Watched(address, settings => configure(settings)))).Value
        : null;

    /// <summary>Begins to watch the hosts of a shard.</summary>
    /// <param name="address">The address of a shard with standbys.</param>
    /// <param name="configure">Adjusts the connections by which the hosts are asked.</param>
    public static ShardPrimary Watched(ShardAddress address, Action<NpgsqlConnectionStringBuilder> configure)
    {
        var primary = new ShardPrimary(
            address, host => ShardDataSources.Build(ProbeSettings(address, host, configure)), TimeProvider.System);
        primary.Watch();
        return primary;
    }

    private static NpgsqlConnectionStringBuilder ProbeSettings(
        ShardAddress address, ShardHost host, Action<NpgsqlConnectionStringBuilder> configure)
    {
        var settings = ShardDataSources.SettingsOf(address, host);
        configure(settings);
        (settings.Pooling, settings.Timeout, settings.CommandTimeout, settings.KeepAlive) = (false, ProbeConnectSeconds, 0, 0);
        return settings;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var primary in _primaries.Values.Where(lazy => lazy.IsValueCreated))
            await primary.Value.DisposeAsync();
    }
}
