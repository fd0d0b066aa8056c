using Npgsql;
using ShardCore.Ring;
using ShardCore.Sessions;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardRouter.Shards;

/// <summary>One host of a shard, as a standby that may answer reads.</summary>
/// <param name="host">Its address.</param>
/// <param name="primary">The shard's primary, which knows all hosts.</param>
internal sealed class StandbyHost(ShardHost host, ShardPrimary primary)
{
    public ShardHost Host => host;

    /// <summary>Whether the last look at all hosts, one a second, found this one usable.</summary>
    public bool IsUsable =>
        primary.Views.FirstOrDefault(view => view.Host == host) is { } view && StandbyChoice.IsUsable(view, primary.Seen);

    /// <summary>
    /// Examines the host once for each new session, because the server that answers at this address now may be another than at the last
    /// look. Until the host is fit it is asked again.
    /// </summary>
    public async Task<bool> IsFitAsync(ShardSession session)
    {
        if (session.IsExamined)
            return true;
        await using var command = new NpgsqlCommand(HostView.Sql, session.Connection);
        var view = primary.Timelines.Known(HostView.Parse(host, await command.ReadValueAsync<string?[]>(CancellationToken.None)));
        return session.IsExamined = StandbyChoice.IsUsable(view, primary.Seen);
    }
}
