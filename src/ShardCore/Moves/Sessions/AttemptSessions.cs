using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Sessions;

/// <summary>Sessions at the target that have the name of one attempt. The next attempt finds and ends them by that name.</summary>
/// <remarks>
/// They come from a pool that the batches of a pipeline share. A new backend for each COPY would spend more time on mapping the server's
/// memory than on some thousand rows. A session loses the name when it is given back. So ending the sessions of an attempt does not end a
/// session that now does something else.
/// </remarks>
internal sealed class AttemptSessions(ShardDatabase pool, string name)
{
    /// <summary>Opens a session. <see cref="AttemptSession"/> gives it back.</summary>
    public async Task<AttemptSession> OpenAsync(CancellationToken cancellation)
    {
        var connection = await pool.OpenAsync(cancellation);
        try
        {
            await using var rename = new NpgsqlCommand($"set application_name = '{name}'", connection);
            await rename.ExecuteNonQueryAsync(cancellation);
            return new AttemptSession(pool, connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>The application name of a move's connections, at most 63 characters, so that its backends can be told.</summary>
    public static string NameOf(Guid id, int attempt) => FormattableString.Invariant($"{NameOf(id)}/{attempt}");

    /// <summary>What the names of all attempts at a batch begin with.</summary>
    public static string NameOf(Guid id) => $"move {id:N}";
}
