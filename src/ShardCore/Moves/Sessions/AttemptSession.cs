using System.Data;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Sessions;

/// <summary>One session of <see cref="AttemptSessions"/>.</summary>
internal sealed class AttemptSession(ShardDatabase pool, ShardConnection connection) : IAsyncDisposable
{
    private const int RenamingLimitSeconds = 5; // a server that hangs must not delay a mover that wants to stop

    /// <summary>
    /// The connection. A keep-alive may have found it broken while nobody used it; then the library would only say that it is not open.
    /// </summary>
    /// <exception cref="SessionLostException" />
    public NpgsqlConnection Connection => IsThere ? connection : throw new SessionLostException(
        "A session at the target has been ended: its server went away, or another mover took over.");

    /// <summary>Whether an open transaction has to be rolled back before the session is given back.</summary>
    public bool IsInTransaction { get; set; }

    /// <summary>Call this after a commit that counts.</summary>
    /// <exception cref="CommitNotConfirmedException" />
    public void RequireConfirmed() => connection.RequireConfirmed();

    private bool IsThere => connection.FullState is not (ConnectionState.Broken or ConnectionState.Closed);

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (IsThere)
            {
                var sql = IsInTransaction ? "rollback; reset application_name" : "reset application_name";
                await using var unname = new NpgsqlCommand(sql, connection) { CommandTimeout = RenamingLimitSeconds };
                await unname.ExecuteNonQueryAsync();
            }
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            pool.Clear(); // it is broken, or a later attempt ended it, or it still has its name: it must not be used again
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }
}
