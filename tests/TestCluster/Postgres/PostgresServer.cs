using System.Globalization;
using Npgsql;
using Xunit;

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
    public Task PauseAsync() => PauseAsync(PostgresProcesses.All);

    /// <summary>Freezes some of its processes.</summary>
    public abstract Task PauseAsync(PostgresProcesses which);

    public abstract Task ResumeAsync();

    /// <summary>A new standby of this running server, which streams when this returns; the caller disposes of it.</summary>
    /// <param name="name">Its application_name and the name of its replication slot: lower-case letters, digits and underscores.</param>
    public virtual Task<PostgresStandby> StartStandbyAsync(string name) => SkipAsync<PostgresStandby>("A standby");

    /// <summary>Copies the data folder of this stopped server; the copy lives as long as the test process.</summary>
    public virtual Task<DataFolderCopy> TakeCopyAsync() => SkipAsync<DataFolderCopy>("A copy of the data folder");

    /// <summary>This stopped server starts from the copy the next time, on its port and on the copy's timeline.</summary>
    public virtual Task RestoreCopyAsync(DataFolderCopy copy) => SkipAsync<DataFolderCopy>("A copy of the data folder");

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

    /// <summary>A database that is there already, as in a restored server.</summary>
    public TestDatabase ExistingDatabase(string name) => new(this, name);

    /// <summary>Runs a statement in the database <c>postgres</c>.</summary>
    public async Task ExecuteAsync(string sql) => await ScalarAsync<object>(sql);

    /// <returns>The first column of the first row that a statement in the database <c>postgres</c> gives; default: null or no
    /// row.</returns>
    public async Task<T?> ScalarAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is T value ? value : default;
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task ReleaseAsync();

    protected static Task<T> SkipAsync<T>(string what)
    {
        Assert.Skip($"{what} needs servers that are processes of this machine.");
        return Task.FromResult<T>(default!); // never reached
    }

    protected async Task<bool> AnswersAsync()
    {
        await ExecuteAsync("select 1");
        return true;
    }
}
