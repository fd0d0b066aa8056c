namespace TestCluster;

/// <summary>
/// A server of which somebody keeps base backups and the WAL, and servers that are restored from them to a named point. Two ways:
/// <see cref="BaseBackup"/> and <see cref="PgBackRest"/>.
/// </summary>
public abstract class ServerBackup : IAsyncDisposable
{
    private static readonly TimeSpan RestoreLimit = TimeSpan.FromSeconds(60);

    private LocalPostgresServer? _server;

    public PostgresServer Server => Local;

    /// <summary>Of this backup alone; every user may write there.</summary>
    private protected string Folder { get; } = TemporaryFolder.NewPath("backup");

    private protected LocalPostgresServer Local => _server ?? throw new InvalidOperationException("The server was never started.");

    /// <summary>The program that tells where Postgres is.</summary>
    private protected static string Program => RequiredProgram.Find("postgres", "Postgres 15 or later (Debian: apt install postgresql)");

    /// <summary>All changes from here on can be restored.</summary>
    public abstract Task BackUpAsync();

    /// <returns>A new server at another port, which has been promoted at the point; the caller disposes of it.</returns>
    /// <param name="point">The name of a restore point behind the last backup.</param>
    public async Task<PostgresServer> RestoreAsync(string point)
    {
        var folder = TemporaryFolder.NewPath("restored");
        await FetchAsync(folder, point);
        var restored = new LocalPostgresServer(Program, folder, new PostgresOptions());
        try
        {
            await restored.StartAsync();
            await Eventually.ThatAsync(
                async () => !await restored.ScalarAsync<bool>("select pg_is_in_recovery()"), RestoreLimit,
                $"the server on {restored.Port} is promoted at {point}");
            return restored;
        }
        catch
        {
            await restored.DisposeAsync();
            throw;
        }
    }

    /// <summary>The server dies, and its data folder is gone. What was backed up stays.</summary>
    public async Task LoseServerAsync()
    {
        await Local.KillAllAsync();
        await Local.DisposeAsync();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        TemporaryFolder.Remove(Folder);
        GC.SuppressFinalize(this);
    }

    /// <summary>Puts a data folder there that recovers to the point.</summary>
    private protected abstract Task FetchAsync(string folder, string point);

    /// <param name="archiveCommand">As in postgresql.conf.</param>
    private protected async Task StartAsync(string archiveCommand)
    {
        await RunAsync("mkdir", ["-p", Folder]);
        _server = (LocalPostgresServer)await new LocalPostgresProvider()
            .StartAsync(new PostgresOptions("127.0.0.1", "archive_mode=on", $"archive_command={archiveCommand}"));
    }

    private protected static Task RunAsync(string program, IEnumerable<string> arguments) =>
        ChildProcess.RunAsync(program, arguments, LocalPostgresProvider.User);

    private protected static void RequireLocalServers()
    {
        if (PostgresProvider.Default is not LocalPostgresProvider)
            Xunit.Assert.Skip("Backups need servers that are processes of this machine.");
    }
}
