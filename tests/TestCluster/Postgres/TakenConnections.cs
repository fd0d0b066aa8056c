using Npgsql;

namespace TestCluster;

/// <summary>
/// All connections that a server gives, in the hands of somebody else. The server must be one without
/// <c>superuser_reserved_connections</c>, as every user of the tests is a superuser.
/// </summary>
public sealed class TakenConnections : IAsyncDisposable
{
    private const string Name = "somebody else";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly string _connectionString;
    private readonly List<NpgsqlConnection> _taken = [];

    private TakenConnections(PostgresServer server) =>
        _connectionString = new NpgsqlConnectionStringBuilder(server.ConnectionString("postgres")) { ApplicationName = Name }.ConnectionString;

    /// <summary>For a server whose connections a test takes: few, so that it is soon done.</summary>
    public static string[] Settings(int connections) => [$"max_connections={connections}", "superuser_reserved_connections=0"];

    /// <summary>Those that nobody has yet: the others keep theirs and get no more.</summary>
    public static async Task<TakenConnections> TakeFreeAsync(PostgresServer server)
    {
        var taken = new TakenConnections(server);
        await taken.TakeFreeAsync();
        return taken;
    }

    /// <summary>Also those that others have, which are ended.</summary>
    public static async Task<TakenConnections> TakeAllAsync(PostgresServer server)
    {
        var taken = new TakenConnections(server);
        try
        {
            // Who was ended comes again at once and may be faster, but what we have we keep.
            await Eventually.ThatAsync(
                async () =>
                {
                    await taken.TakeFreeAsync();
                    return await taken.EndOthersAsync() == 0;
                },
                Limit, "nobody else has a connection");
            return taken;
        }
        catch
        {
            await taken.DisposeAsync();
            throw;
        }
    }

    private async Task TakeFreeAsync()
    {
        while (true)
        {
            var connection = new NpgsqlConnection(_connectionString);
            try
            {
                await connection.OpenAsync();
                _taken.Add(connection);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.TooManyConnections)
            {
                await connection.DisposeAsync();
                return;
            }
        }
    }

    private async Task<long> EndOthersAsync()
    {
        await using var command = new NpgsqlCommand(
            $"select count(pg_terminate_backend(pid)) from pg_stat_activity where backend_type = 'client backend' and application_name <> '{Name}'", _taken[0]);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _taken)
            await connection.DisposeAsync();
        _taken.Clear();
    }
}
