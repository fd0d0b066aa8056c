using Npgsql;

namespace ShardRouter.Shards;

/// <summary>What a call has of the session that it runs on.</summary>
internal readonly struct ShardCall(ShardSession session, StatementCancel cancel)
{
    public ShardSession Session => session;

    public NpgsqlConnection Connection => session.Connection;

    /// <summary>Ends the statement whose answer is being read, because the rest of it is not wanted. The reader then throws 57014.</summary>
    public Task EndStatementAsync() => cancel.TryAskAsync(session);
}
