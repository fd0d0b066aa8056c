using System.Globalization;
using Npgsql;

namespace TestCluster;

/// <summary>One real Postgres server. The port stays the same over restarts.</summary>
public abstract class PostgresServer(string host, int port) : IAsyncDisposable
{
    /// <summary>The superuser of every test server; connections from this machine are trusted.</summary>
    public const string Superuser = "sharding";

    protected static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private int _databases;

    public string Host { get; } = host;

    public int Port { get; } = port;

    /// <summary>Starts a stopped or killed server and waits until it answers.</summary>
    public abstract Task StartAsync();

    public abstract Task StopAsync(PostgresShutdown how);

    /// <summary>SIGKILL to the postmaster; its backends notice and end.</summary>
    public abstract Task KillAsync();

    /// <summary>Freezes all its processes: connections stay open and nothing answers.</summary>
    public abstract Task PauseAsync();

    public abstract Task ResumeAsync();

    public async Task RestartAsync(PostgresShutdown how)
    {
        await StopAsync(how);
        await StartAsync();
    }

    /// <summary>Without a pool, so that nothing lingers over a restart; <see cref="TestDatabase"/> has one.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = Host,
        Port = Port,
        Username = Superuser,
        Database = database,
        Pooling = false,
        Timeout = 5,
        IncludeErrorDetail = true,
    }.ConnectionString;

    /// <summary>A new UTF-8 database, empty or a copy of <paramref name="template"/> (to which nobody may be connected).</summary>
    public async Task<TestDatabase> CreateDatabaseAsync(string template = "template0", string options = "")
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databases)}");
        await ExecuteAsync($"create database {name} template {template} {options}");
        return new TestDatabase(this, name);
    }

    /// <summary>Runs a statement in the database <c>postgres</c>.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task ReleaseAsync();

    protected async Task<bool> AnswersAsync()
    {
        await ExecuteAsync("select 1");
        return true;
    }
}
