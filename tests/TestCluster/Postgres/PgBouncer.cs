using System.Globalization;
using System.Net.Sockets;

namespace TestCluster;

/// <summary>A PgBouncer before one server, as somebody sets it up who does not know this product.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);

    private readonly ChildProcess _process;
    private readonly string _folder;

    private PgBouncer(ChildProcess process, string folder, int port) => (_process, _folder, Port) = (process, folder, port);

    public static string Host => "127.0.0.1";

    public int Port { get; }

    /// <param name="mode">session, transaction or statement.</param>
    /// <param name="ignoresOptions">Startup options are dropped; otherwise a client with some is refused.</param>
    public static async Task<PgBouncer> StartAsync(PostgresServer server, string mode, bool ignoresOptions)
    {
        var program = RequiredProgram.Find("pgbouncer", "PgBouncer (Debian: apt install pgbouncer)");
        var (folder, port) = (TemporaryFolder.NewPath("pgbouncer"), FreePort.Next());
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "users"), $"\"{PostgresServer.Superuser}\" \"\"\n");
        await File.WriteAllTextAsync(Path.Combine(folder, "pgbouncer.ini"), string.Create(
            CultureInfo.InvariantCulture,
            $"""
            [databases]
            * = host={server.Host} port={server.Port}
            [pgbouncer]
            listen_addr = {Host}
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {folder}/users
            pool_mode = {mode}
            ignore_startup_parameters = extra_float_digits{(ignoresOptions ? ",options" : "")}

            """));
        var bouncer = new PgBouncer(ChildProcess.Start(program, [Path.Combine(folder, "pgbouncer.ini")], LocalPostgresProvider.User), folder, port);
        await Eventually.ThatAsync(
            async () => bouncer._process.HasExited || await ListensAsync(port), StartLimit, "PgBouncer listens");
        if (bouncer._process.HasExited)
            throw new InvalidOperationException($"PgBouncer ended with {bouncer._process.ExitCode}:\n{bouncer._process.Output}");
        return bouncer;
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        TemporaryFolder.Remove(_folder);
    }

    private static async Task<bool> ListensAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(Host, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
