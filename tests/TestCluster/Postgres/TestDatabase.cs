using Npgsql;

namespace TestCluster;

/// <summary>A database of its own for one test. Disposing drops it, whoever is connected.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private readonly PostgresServer _server;

    internal TestDatabase(PostgresServer server, string name)
    {
        _server = server;
        Name = name;
        DataSource = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(server.ConnectionString(name)) { Pooling = true, MaxPoolSize = 100 });
    }

    public string Name { get; }

    public string Host => _server.Host;

    public int Port => _server.Port;

    /// <summary>Pooled; for the test's own statements and for what it tests.</summary>
    public NpgsqlDataSource DataSource { get; }

    /// <summary>host:port/database, as <c>shardadmin</c> takes it.</summary>
    public string Address => $"{Host}:{Port}/{Name}";

    public async Task ExecuteAsync(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var command = DataSource.CreateCommand(sql);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        try
        {
            await _server.ExecuteAsync($"drop database if exists {Name} with (force)");
        }
        catch (NpgsqlException)
        {
            // The test left the server down; its data folder goes with it.
        }
    }
}
