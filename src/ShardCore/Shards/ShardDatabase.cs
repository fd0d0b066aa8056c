using System.Net.Sockets;
using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards.Failover;

namespace ShardCore.Shards;

/// <summary>
/// A shard's database, wherever its primary is. This is the only way to open a connection to a shard; <see cref="ShardConnection"/> tells
/// why.
/// </summary>
public sealed class ShardDatabase : IAsyncDisposable
{
    private readonly ShardPrimary? _primary;
    private readonly Dictionary<ShardHost, Lazy<NpgsqlDataSource>> _sources = [];
    private readonly NpgsqlDataSource? _only;

    /// <summary>A database on one server.</summary>
    public ShardDatabase(NpgsqlDataSource only) => _only = only;

    /// <param name="primary">Knows which of the shard's hosts is the primary. It is not disposed here.</param>
    /// <param name="source">Makes the data source of a host.</param>
    public ShardDatabase(ShardPrimary primary, Func<ShardHost, NpgsqlDataSource> source)
    {
        _primary = primary;
        foreach (var host in primary.Address.Hosts)
            _sources[host] = new Lazy<NpgsqlDataSource>(() => source(host));
        primary.Moved += OnMoved;
    }

    /// <param name="primary">Null if the shard has one host.</param>
    /// <param name="configure">Adjusts every connection string.</param>
    /// <param name="password">Gives the password for each new connection; null: Npgsql finds it by itself.</param>
    public static ShardDatabase Of(
        ShardAddress address, ShardPrimary? primary, Action<NpgsqlConnectionStringBuilder> configure, Func<string>? password = null) =>
        primary is null
        ? new ShardDatabase(ShardDataSources.Build(address, address.Hosts[0], configure, password))
        : new ShardDatabase(primary, host => ShardDataSources.Build(address, host, configure, password));

    public static implicit operator ShardDatabase(NpgsqlDataSource only) => FromNpgsqlDataSource(only);

    public static ShardDatabase FromNpgsqlDataSource(NpgsqlDataSource only) => new(only);

    /// <returns>A connection to the primary.</returns>
    /// <exception cref="NoPrimaryException">No host is the primary now.</exception>
    /// <exception cref="NpgsqlException">No connection could be opened.</exception>
    public async Task<ShardConnection> OpenAsync(CancellationToken cancellation)
    {
        if (_primary is null)
            return new ShardConnection(await SessionStart.OpenAsync(_only!, cancellation));
        var host = await _primary.FindAsync(cancellation);
        try
        {
            return await OpenAsync(_primary, host, cancellation);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or IOException or TimeoutException
            && !cancellation.IsCancellationRequested)
        {
            var now = await _primary.LookAsync(cancellation);
            if (now == host)
                throw; // the host is the primary, and has no connection for us
            return await OpenAsync(_primary, now, cancellation);
        }
    }

    /// <returns>A data source for the server that is the primary now. It stays with that server.</returns>
    /// <exception cref="NoPrimaryException">No host is the primary now.</exception>
    public async Task<NpgsqlDataSource> PresentAsync(CancellationToken cancellation) =>
        _primary is null ? _only! : _sources[await _primary.LookAsync(cancellation)].Value;

    /// <summary>Closes idle connections at once, and those in use when they are given back.</summary>
    public void Clear()
    {
        _only?.Clear();
        foreach (var source in _sources.Values.Where(lazy => lazy.IsValueCreated))
            source.Value.Clear();
    }

    private async Task<ShardConnection> OpenAsync(ShardPrimary primary, ShardHost host, CancellationToken cancellation) =>
        new(await SessionStart.OpenAsync(_sources[host].Value, cancellation), primary, host);

    /// <summary>Drops connections to a server that was replaced, because they are of no use.</summary>
    private void OnMoved(object? sender, EventArgs e) => Clear();

    public async ValueTask DisposeAsync()
    {
        if (_primary is not null)
            _primary.Moved -= OnMoved;
        if (_only is not null)
            await _only.DisposeAsync();
        foreach (var source in _sources.Values.Where(lazy => lazy.IsValueCreated))
            await source.Value.DisposeAsync();
    }
}
