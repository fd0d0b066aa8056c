using Npgsql;
using ShardCore.Shards;

namespace ShardCore.Moves.Importing;

/// <summary>Sessions at the target under the name of one attempt, by which the next attempt finds and ends them.</summary>
/// <remarks>
/// From a pool that the batches of a pipeline share: a new backend for each COPY would spend more on mapping the server's
/// memory than on some thousand rows. The name goes with the session when it is given back, so that ending an
/// attempt's sessions ends none that has gone on to something else.
/// </remarks>
internal sealed class AttemptSessions(ShardDatabase pool, string name)
{
    /// <summary>To be disposed by <see cref="AttemptSession"/>.</summary>
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
}
