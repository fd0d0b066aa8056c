using Npgsql;

namespace ShardCore.Shards;

/// <summary>
/// A commit was made, but the wait for its synchronous standby was cancelled, so a failover may lose it. The reaction: that to a
/// connection which broke during the
/// commit. A write has an unknown outcome, and a mover begins again from what the journal says.
/// </summary>
public sealed class CommitNotConfirmedException(string notice)
    : NpgsqlException($"A commit was not confirmed by its synchronous standby: {notice}")
{
    /// <summary>The next commit may be confirmed, and confirms the earlier ones of its server with it.</summary>
    public override bool IsTransient => true;
}
