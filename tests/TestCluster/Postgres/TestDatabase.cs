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

    public Task ExecuteAsync(string sql) => AskAsync(sql, command => command.ExecuteNonQueryAsync());

    public async Task<T?> ScalarAsync<T>(string sql) => await AskAsync(sql, command => command.ExecuteScalarAsync()) is T value ? value : default;

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

    private async Task<T> AskAsync<T>(string sql, Func<NpgsqlCommand, Task<T>> ask)
    {
        await using var command = DataSource.CreateCommand(sql);
        try
        {
            return await ask(command);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown)
        {
            // The pool has this connection from before a restart, and the server's farewell was waiting in it. Nothing was executed.
            DataSource.Clear();
            return await ask(command);
        }
    }
}
