using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// A commit was made, but the wait for its synchronous standby was cancelled, so a failover may lose the commit. The reaction is the same
/// as to a connection that broke during the commit: a write has an unknown outcome, and a mover begins again from what the journal says.
/// </summary>
/// <param name="message">What was not confirmed.</param>
/// <param name="isTakenOver">The reason is not the standby, but that another server is the primary now.</param>
public sealed class CommitNotConfirmedException(string message, bool isTakenOver) : NpgsqlException(message)
{
    public CommitNotConfirmedException(string notice)
        : this($"A commit was not confirmed by its synchronous standby: {notice}", isTakenOver: false)
    {
    }

    public bool IsTakenOver => isTakenOver;

    /// <summary>True: the next commit may be confirmed, and that confirms the earlier commits of its server too.</summary>
    public override bool IsTransient => true;
}
