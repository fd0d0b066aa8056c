using System.Data;
using Npgsql;

namespace ShardCore.Moves;

/// <summary>One of <see cref="AttemptSessions"/>.</summary>
internal sealed class AttemptSession(NpgsqlConnection connection) : IAsyncDisposable
{
    public NpgsqlConnection Connection => connection;

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (connection.FullState == ConnectionState.Open)
                await using (var unname = new NpgsqlCommand("reset application_name", connection))
                    await unname.ExecuteNonQueryAsync();
        }
        catch (NpgsqlException)
        {
            // Broken, or ended by a later attempt: it is not used again.
        }
        await connection.DisposeAsync();
    }
}
