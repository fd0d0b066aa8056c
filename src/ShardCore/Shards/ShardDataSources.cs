using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Shards;

/// <summary>
/// One database for each shard address, made on first use and kept. User and password come from PGUSER,
/// PGPASSWORD and PGPASSFILE, which Npgsql reads itself: no credential is in the ring, in Redis or in an argument.
/// </summary>
/// <param name="access">Knows the primaries. It is not disposed here.</param>
/// <param name="configure">Adjusts the connection string of every shard; null: as <paramref name="access"/> does.</param>
public sealed class ShardDataSources(ShardAccess access, Action<NpgsqlConnectionStringBuilder>? configure = null) : IAsyncDisposable
{
    private const int KeepAliveSeconds = 10;

    private readonly ConcurrentDictionary<ShardAddress, Lazy<ShardDatabase>> _byAddress = [];

    public ShardDatabase Of(Shard shard) => Of(shard.At);

    public ShardDatabase Of(ShardAddress address) => _byAddress.GetOrAdd(address, _ => new Lazy<ShardDatabase>(() => Build(address))).Value;

    private ShardDatabase Build(ShardAddress address) => ShardDatabase.Of(address, access.PrimaryOf(address), configure ?? access.Configure);

    /// <summary>Of one host of a shard.</summary>
    /// <param name="configure">Adjusts the connection string.</param>
    internal static NpgsqlDataSource Build(ShardAddress address, ShardHost host, Action<NpgsqlConnectionStringBuilder> configure)
    {
        var settings = SettingsOf(address, host);
        configure(settings);
        return Build(settings);
    }

    internal static NpgsqlConnectionStringBuilder SettingsOf(ShardAddress address, ShardHost host) =>
        new() { Host = host.Name, Port = host.Port, Database = address.Database };

    /// <summary>
    /// A data source with exactly what this product uses of Npgsql, and with <see cref="SessionSettings"/>. It does not ask each
    /// server's catalog for its types, of
    /// which only built-in ones are used here.
    /// </summary>
    /// <param name="settings">Its options come behind those of every session, so they count.</param>
    public static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder settings)
    {
        settings.Options = SessionSettings.Every + settings.Options;
        // An idle line stays known to firewalls, and one that was cut without a word is found within half a minute, unless something that was
        // sent on it waits to be acknowledged: then the kernel tries for minutes.
        (settings.TcpKeepAlive, settings.TcpKeepAliveTime, settings.TcpKeepAliveInterval) = (true, KeepAliveSeconds, KeepAliveSeconds / 5);
        return Builder(settings)
            .UsePhysicalConnectionInitializer(
                _ => throw new NotSupportedException("Connections to shards are opened without blocking a thread."), SessionSettings.SetNewerAsync)
            .Build();
    }

    /// <summary>
    /// To the same database as anybody else would connect, without <see cref="SessionSettings"/> and without a pool: there a session
    /// tells what its server, its database
    /// and its role have set. Only for statements that name every schema.
    /// </summary>
    public static NpgsqlDataSource BuildPlain(NpgsqlDataSource like) =>
        Builder(new NpgsqlConnectionStringBuilder(like.ConnectionString) { Options = SessionSettings.None, Pooling = false }).Build();

    private static NpgsqlSlimDataSourceBuilder Builder(NpgsqlConnectionStringBuilder settings) =>
        new NpgsqlSlimDataSourceBuilder(settings.ConnectionString).EnableArrays().EnableJsonTypes().EnableTransportSecurity().EnableIntegratedSecurity()
            .ConfigureTypeLoading(types => types.EnableTypeLoading(false));

    public async ValueTask DisposeAsync()
    {
        foreach (var source in _byAddress.Values.Where(lazy => lazy.IsValueCreated))
            await source.Value.DisposeAsync();
        _byAddress.Clear();
    }
}
