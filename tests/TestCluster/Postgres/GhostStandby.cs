using Npgsql;

namespace TestCluster;

/// <summary>A synchronous standby that a server waits for and that does not exist: no commit is confirmed until this is disposed.</summary>
public sealed class GhostStandby : IAsyncDisposable
{
    private const string Probe = "select pg_logical_emit_message(true, 'ghost', '')";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly PostgresServer _server;

    private GhostStandby(PostgresServer server) => _server = server;

    /// <summary>Returns when commits wait for it: the server's checkpointer notices some time after the setting was made.</summary>
    public static async Task<GhostStandby> AppearAsync(PostgresServer server)
    {
        var ghost = new GhostStandby(server);
        await server.ExecuteAsync("alter system set synchronous_standby_names = 'ghost'");
        await server.ExecuteAsync("select pg_reload_conf()");
        var probing = server.ExecuteAsync(Probe);
        await Eventually.ThatAsync(
            async () =>
            {
                if (probing.IsCompleted)
                    probing = server.ExecuteAsync(Probe);
                return await ghost.CancelWaitsAsync() > 0;
            },
            Limit, "commits wait for a standby");
        await probing;
        return ghost;
    }

    /// <summary>As a person does with <c>pg_cancel_backend</c>.</summary>
    /// <returns>Of how many commits that wait.</returns>
    public async Task<long> CancelWaitsAsync()
    {
        await using var connection = new NpgsqlConnection(_server.ConnectionString("postgres"));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.ExecuteAsync("alter system reset synchronous_standby_names");
        await _server.ExecuteAsync("select pg_reload_conf()");
        await _server.ExecuteAsync(Probe); // waits until the ghost is gone
    }
}
