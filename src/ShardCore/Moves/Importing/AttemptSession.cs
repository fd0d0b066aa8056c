using System.Data;
using Npgsql;
using ShardCore.Moves.Failures;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>One of <see cref="AttemptSessions"/>.</summary>
internal sealed class AttemptSession(ShardDatabase pool, ShardConnection connection) : IAsyncDisposable
{
    private const int RenamingLimitSeconds = 5; // a server that hangs must not hold up whoever wants to stop

    /// <summary>A keep-alive may have found it broken while nobody used it; then the library only says that it is not open.</summary>
    /// <exception cref="SessionLostException" />
    public NpgsqlConnection Connection => IsThere ? connection : throw new SessionLostException("A session at the target has been ended: its server went away, or another mover took over.");

    /// <summary>Whether what is open has to be rolled back before it is given back.</summary>
    public bool IsInTransaction { get; set; }

    /// <summary>After what counts has been committed on it.</summary>
    /// <exception cref="CommitNotConfirmedException" />
    public void RequireConfirmed() => connection.RequireConfirmed();

    private bool IsThere => connection.FullState is not (ConnectionState.Broken or ConnectionState.Closed);

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (IsThere)
                await using (var unname = new NpgsqlCommand(IsInTransaction ? "rollback; reset application_name" : "reset application_name", connection) { CommandTimeout = RenamingLimitSeconds })
                    await unname.ExecuteNonQueryAsync();
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException or TimeoutException)
        {
            pool.Clear(); // broken, or ended by a later attempt; or it has its name still: it must not be used again
        }
        finally
        {
            await connection.DisposeAsync();
        }
    }
}
