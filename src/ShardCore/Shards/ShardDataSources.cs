using System.Collections.Concurrent;
using Npgsql;
using ShardCore.Ring;

namespace ShardCore.Shards;

/// <summary>
/// One Npgsql data source per shard address, made on first use and kept. User and password come from PGUSER,
/// PGPASSWORD and PGPASSFILE, which Npgsql reads itself: no credential is in the ring, in Redis or in an argument.
/// </summary>
/// <param name="configure">Adjusts the connection string of every shard: pool size, application name, timeouts.</param>
public sealed class ShardDataSources(Action<NpgsqlConnectionStringBuilder> configure) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<NpgsqlDataSource>> _byAddress = new(StringComparer.Ordinal);

    public NpgsqlDataSource Of(Shard shard) => Of(shard.Host, shard.Port, shard.Database);

    public NpgsqlDataSource Of(string host, int port, string database) =>
        _byAddress.GetOrAdd($"{host}:{port}/{database}", _ => new Lazy<NpgsqlDataSource>(() => Build(host, port, database))).Value;

    private NpgsqlDataSource Build(string host, int port, string database)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = host, Port = port, Database = database };
        configure(settings);
        return Build(settings);
    }

    /// <summary>
    /// A data source with exactly what this product uses of Npgsql. Without Postgres' own compiler (jit): statements over a few
    /// thousand rows whose cost the planner overrates spent more time in it than in reading. And without asking each server's catalog for its types, of which only
    /// built-in ones are used here.
    /// </summary>
    public static NpgsqlDataSource Build(NpgsqlConnectionStringBuilder settings)
    {
        settings.Options = $"-c jit=off {settings.Options}";
        return new NpgsqlSlimDataSourceBuilder(settings.ConnectionString).EnableArrays().EnableJsonTypes().EnableTransportSecurity().EnableIntegratedSecurity()
            .ConfigureTypeLoading(types => types.EnableTypeLoading(false)).Build();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var source in _byAddress.Values.Where(lazy => lazy.IsValueCreated))
            await source.Value.DisposeAsync();
        _byAddress.Clear();
    }
}
