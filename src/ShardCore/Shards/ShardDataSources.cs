using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;

namespace ShardCore.Shards;

/// <summary>
/// Makes one database for each shard address, on first use, and keeps it. User and password come from PGUSER, PGPASSWORD and PGPASSFILE,
/// which Npgsql reads itself. No credential is in the ring, in Redis or in an argument. <see cref="ShardEncryption"/> has the rest.
/// </summary>
/// <param name="access">Knows the primaries. It is not disposed here.</param>
/// <param name="configure">Adjusts the connection string of every shard; null: <paramref name="access"/> does.</param>
/// <param name="password">Gives the password for each new connection; null: Npgsql finds it by itself.</param>
public sealed class ShardDataSources(
    ShardAccess access, Action<NpgsqlConnectionStringBuilder>? configure = null, Func<string>? password = null) : IAsyncDisposable
{
    private const int KeepAliveSeconds = 10;

    private readonly ConcurrentDictionary<ShardAddress, Lazy<ShardDatabase>> _byAddress = [];

    public ShardDatabase Of(Shard shard) => Of(shard.At);

    public ShardDatabase Of(ShardAddress address) =>
        _byAddress.GetOrAdd(address, _ => new Lazy<ShardDatabase>(() => Build(address))).Value;

    private ShardDatabase Build(ShardAddress address) =>
        ShardDatabase.Of(address, access.PrimaryOf(address), configure ?? access.Configure, password);

    /// <summary>Makes a data source for one host of a shard.</summary>
    /// <param name="configure">Adjusts the connection string.</param>
    /// <param name="password">As in <see cref="ShardDataSources"/>.</param>
    internal static NpgsqlDataSource Build(
        ShardAddress address, ShardHost host, Action<NpgsqlConnectionStringBuilder> configure, Func<string>? password)
    {
        var settings = SettingsOf(address, host);
        configure(settings);
        return Build(settings, password);
    }

    internal static NpgsqlConnectionStringBuilder SettingsOf(ShardAddress address, ShardHost host) =>
        new() { Host = host.Name, Port = host.Port, Database = address.Database, SslMode = ShardEncryption.Mode };

    /// <summary>
    /// Makes a data source with exactly those features of Npgsql that this product uses, and with <see cref="SessionSettings"/>. It does
    /// not ask the catalog of each server for its types, because only built-in types are used here.
    /// </summary>
    /// <param name="settings">Its options come behind those of every session, so they take precedence.</param>
    /// <param name="password">As in <see cref="ShardDataSources"/>.</param>
    public static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder settings, Func<string>? password = null)
    {
        settings.Options = SessionSettings.Every + settings.Options;
        // Firewalls do not forget an idle connection. A connection that was cut without a word is noticed within half a minute. The
        // exception is data that waits to be acknowledged: then the kernel tries for minutes.
        (settings.TcpKeepAlive, settings.TcpKeepAliveTime, settings.TcpKeepAliveInterval) = (true, KeepAliveSeconds, KeepAliveSeconds / 5);
        var builder = Builder(settings);
        builder.UsePhysicalConnectionInitializer(
            _ => throw new NotSupportedException("Connections to shards are opened without blocking a thread."), SessionStart.BeginAsync);
        if (password is not null)
            builder.UsePasswordProvider(_ => password(), (_, _) => ValueTask.FromResult(password()));
        return builder.Build();
    }

    /// <summary>
    /// Makes a data source to the same database that connects as any other client would: without <see cref="SessionSettings"/> and without
    /// a pool. Its sessions show what the server, the database and the role have set. It is only for statements that name every schema.
    /// </summary>
    public static NpgsqlDataSource BuildPlain(NpgsqlDataSource like) =>
        Builder(new NpgsqlConnectionStringBuilder(like.ConnectionString) { Options = SessionSettings.None, Pooling = false }).Build();

    private static NpgsqlSlimDataSourceBuilder Builder(NpgsqlConnectionStringBuilder settings) =>
        new NpgsqlSlimDataSourceBuilder(settings.ConnectionString)
            .EnableArrays().EnableJsonTypes().EnableTransportSecurity().EnableIntegratedSecurity()
            .ConfigureTypeLoading(types => types.EnableTypeLoading(false));

    public async ValueTask DisposeAsync()
    {
        foreach (var source in _byAddress.Values.Where(lazy => lazy.IsValueCreated))
            await source.Value.DisposeAsync();
        _byAddress.Clear();
    }
}
