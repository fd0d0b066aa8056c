using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// A commit was made, but the wait for its synchronous standby was cancelled, so a failover may lose it. The reaction: that to a
/// connection which broke during the
/// commit. A write has an unknown outcome, and a mover begins again from what the journal says.
/// </summary>
/// <param name="message">What was not confirmed.</param>
/// <param name="isTakenOver">The standby is not the reason: another server is the primary.</param>
public sealed class CommitNotConfirmedException(string message, bool isTakenOver) : NpgsqlException(message)
{
    public CommitNotConfirmedException(string notice)
        : this($"A commit was not confirmed by its synchronous standby: {notice}", isTakenOver: false)
    {
    }

    public bool IsTakenOver => isTakenOver;

    /// <summary>The next commit may be confirmed, and confirms the earlier ones of its server with it.</summary>
    public override bool IsTransient => true;
}
