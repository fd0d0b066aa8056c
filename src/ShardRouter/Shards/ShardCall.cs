using Npgsql;

namespace ShardRouter.Shards;

/// <summary>The part of its session that a call may use.</summary>
internal readonly struct ShardCall(ShardSession session, StatementCancel cancel)
{
    public ShardSession Session => session;

    public NpgsqlConnection Connection => session.Connection;

    /// <summary>Ends the statement whose answer is being read, because the rest is not wanted. The reader then throws 57014.</summary>
    public Task EndStatementAsync() => cancel.TryAskAsync(session);
}

internal static class EndedStatement
{
    /// <summary>Closes the reader of a statement that <see cref="ShardCall.EndStatementAsync"/> has ended, in time or too late.</summary>
    public static async Task DisposeEndedAsync(this NpgsqlDataReader reader)
    {
        try
        {
            await reader.DisposeAsync();
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.QueryCanceled)
        {
            // It was ended in time.
        }
    }
}
